import { layoutOf } from './parameters.ts';
import type { TrainedLevel, TrainedNet } from './trained-net.ts';

/** The share of one layer's weights that each level keeps, densest level first. */
export type LayerDensity = { layer: string; shape: number[]; levels: number[] };

/** Every layer with weights, in the order of the net; what no mask may prune is 1 at every level. */
export function layerDensities(net: TrainedNet): LayerDensity[] {
  return layoutOf(net.graph)
    .weights.filter(({ part }) => part === 'weights')
    .map(({ node, shape, inStream, outStream }) => {
      const channels = ({ channels }: TrainedLevel, stream: string | undefined) =>
        keptShare(stream === undefined ? undefined : channels.get(stream));
      return {
        layer: node.name,
        shape,
        levels: net.levels.map((level) =>
          net.granularity === 'channel'
            ? channels(level, inStream) * channels(level, outStream)
            : keptShare(level.masks.get(node.name)),
        ),
      };
    });
}

function keptShare(mask: Uint8Array | undefined): number {
  return mask ? mask.reduce((kept, value) => kept + value, 0) / mask.length : 1;
}
