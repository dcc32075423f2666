import { decodeModel } from '../../../bundle/onnx/decode-model.ts';
import { encodeModel } from '../../../bundle/onnx/encode-model.ts';
import type { OnnxModel } from '../../../bundle/onnx/model.ts';
import { wholeMask } from '../../../trainer/ast/masks/level-mask.ts';
import { createMaskScheme } from '../../../trainer/ast/masks/mask-scheme.ts';
import { orderChannels } from '../../../trainer/export/channel-order.ts';
import { buildLevelModel } from '../../../trainer/export/level-model.ts';
import { takeLevel } from '../../../trainer/export/level-parameters.ts';
import { nets } from '../../../trainer/net/nets.ts';
import { initialWeights, layoutOf } from '../../../trainer/net/parameters.ts';
import type { TrainedNet } from '../../../trainer/net/trained-net.ts';
import { createRandom } from '../../../trainer/random.ts';

export type DrawnNet = {
  net: string;
  /** `[height, width, channels]`. */
  input: [number, number, number];
  width: number;
};

/** A net's levels with weights as they are before training: latency does not ask what they say. Sparsity is uniform; stem and classifier are dense. */
export function drawModels({ net, input, width }: DrawnNet, sparsities: number[]): OnnxModel[] {
  const build = nets[net];
  if (build === undefined)
    throw new RangeError(
      `Cannot draw a net as it must be one of ${Object.keys(nets).join(', ')}: current value is ${net}`,
    );
  const graph = build({ input, classes: 10, width });
  const random = createRandom(1);
  const layout = layoutOf(graph);
  const weights = initialWeights(layout, random);
  const scheme = createMaskScheme(layout, 'element', 'uniform');
  let within = wholeMask(layout.weightCount);
  const part = (wanted: 'weights' | 'bias', vector: { slice(from: number, to: number): unknown }) =>
    new Map(
      layout.weights
        .filter((slot) => slot.part === wanted)
        .map((slot) => [slot.node.name, vector.slice(slot.offset, slot.offset + slot.size)] as const),
    );
  const drawn: TrainedNet = {
    graph,
    granularity: 'element',
    weights: part('weights', weights) as TrainedNet['weights'],
    biases: part('bias', weights) as TrainedNet['biases'],
    levels: sparsities.map((target) => {
      within = scheme({ sparsity: target }, { weights, progress: 1, within });
      const norms = layout.norms.map(({ node, channels }) => {
        const numbers = (next: () => number) => Float32Array.from({ length: channels }, next);
        const scale = numbers(() => 1 + 0.1 * random.normal());
        const variance = numbers(() => 1 + random.uniform());
        return [
          node,
          { scale, bias: numbers(() => random.normal() / 10), mean: numbers(() => 0), variance },
        ] as const;
      });
      return {
        target,
        masks: part('weights', within.weights) as Map<string, Uint8Array>,
        channels: new Map(),
        norms: new Map(norms),
      };
    }),
    normEpsilon: 1e-5,
  };
  const kept = orderChannels(drawn);
  return sparsities.map((_, level) =>
    decodeModel(encodeModel(buildLevelModel(graph, takeLevel(drawn, level, kept), drawn.normEpsilon))),
  );
}
