import { createSubNet } from './compute/sub-net.ts';
import { layoutOf } from './net/parameters.ts';
import type { TrainedNet } from './net/trained-net.ts';

/**
 * Logits of one level, computed by the trainer's own arithmetic on tfjs's current back end (`openBackend` first): what an exported
 * model must agree with.
 *
 * @param inputs `[count, height, width, channels]`, normalised.
 * @returns `[count, classes]`.
 */
export function predict(net: TrainedNet, level: number, inputs: Float32Array, count: number): Float32Array {
  const trained = net.levels[level];
  if (!trained)
    throw new RangeError(
      `Cannot predict as the level must be 0 to ${net.levels.length - 1}: current value is ${level}`,
    );
  const layout = layoutOf(net.graph);
  const weights = new Float32Array(layout.weightCount);
  for (const { node, part, offset } of layout.weights)
    weights.set((part === 'bias' ? net.biases : net.weights).get(node.name) ?? [], offset);
  for (const { node, offset, size, part, inStream, outStream, inChannels, outChannels } of layout.weights) {
    if (part === 'bias') continue;
    const mask = trained.masks.get(node.name);
    const outs = trained.channels.get(outStream);
    const ins = inStream === undefined ? undefined : trained.channels.get(inStream);
    for (let i = 0; i < size; i += 1) {
      const out = outs?.[i % outChannels] ?? 1;
      const into = ins?.[Math.floor(i / outChannels) % inChannels] ?? 1;
      if ((mask?.[i] ?? 1) === 0 || out === 0 || into === 0) weights[offset + i] = 0;
    }
  }
  const affine = new Float32Array(2 * layout.channelCount);
  const statistics = new Float32Array(2 * layout.channelCount);
  for (const { node, offset } of layout.norms) {
    const norm = trained.norms.get(node);
    if (!norm) throw new Error(`Cannot predict as level ${level} has no norm "${node}"`);
    affine.set(norm.scale, offset);
    affine.set(norm.bias, layout.channelCount + offset);
    statistics.set(norm.mean, offset);
    statistics.set(norm.variance, layout.channelCount + offset);
  }
  return createSubNet(net.graph, net.normEpsilon).logits({ weights, affine, statistics, inputs, count });
}
