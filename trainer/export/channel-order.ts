import type { TrainedNet } from '../net/trained-net.ts';

/** For each level and stream, which channels of the trained net it keeps, in the order of the export; streams not named are whole. */
export type KeptChannels = Map<string, Uint32Array>[];

/**
 * Orders every stream's channels so that those that the sparsest level keeps come first, then those of the next sparsest, and so on; within
 * a group they stay in their old order. Each level then keeps the leading ones, and since all weights are permuted alike, every sparser level's
 * weights are a leading slice of every denser one's: `weights[0..out, 0..in]` of a convolution, `[0..in]` of the classifier.
 *
 * @returns one map for each level, densest first; the order of level i is the beginning of level 0's.
 * @throws Error where a level keeps no channel of a stream, or one that a denser level does not keep.
 */
export function orderChannels(net: TrainedNet): KeptChannels {
  const streams = new Set(net.levels.flatMap((level) => [...level.channels.keys()]));
  const kept: KeptChannels = net.levels.map(() => new Map());
  for (const stream of streams) {
    const channels = streamChannels(net, stream);
    /** For each channel, how many levels keep it: with nested masks, those are the densest ones. */
    const depth = new Uint32Array(channels);
    for (const [index, level] of net.levels.entries()) {
      const mask = level.channels.get(stream);
      if (mask !== undefined && mask.length !== channels)
        throw new Error(
          `Cannot export level ${index} as its mask of stream "${stream}" must have ${channels} channels: current value is ${mask.length}`,
        );
      for (let c = 0; c < channels; c += 1) {
        if (mask !== undefined && mask[c] === 0) continue;
        if (depth[c] !== index)
          throw new Error(
            `Cannot export level ${index} as it must keep only channels that every denser level keeps: channel ${c} of stream "${stream}" is not kept by level ${depth[c]}`,
          );
        depth[c] += 1;
      }
    }
    const order = Uint32Array.from({ length: channels }, (_, c) => c).sort(
      (a, b) => depth[b] - depth[a] || a - b,
    );
    for (const [index, map] of kept.entries()) {
      const count = depth.reduce((sum, levels) => sum + (levels > index ? 1 : 0), 0);
      if (count === 0)
        throw new Error(
          `Cannot export level ${index} as it must keep at least one channel of stream "${stream}": it keeps none; train with a lower sparsity`,
        );
      map.set(stream, order.subarray(0, count));
    }
  }
  return kept;
}

function streamChannels(net: TrainedNet, stream: string): number {
  for (const node of net.graph.nodes)
    if (node.kind === 'conv' && node.outStream === stream) return node.outChannels;
    else if (node.kind === 'dense' && node.outStream === stream) return node.outFeatures;
  throw new Error(`Cannot export as every masked stream must be a layer's output: "${stream}" is none's`);
}
