import { layoutOf, type ParameterLayout } from './parameters.ts';
import type { TrainedLevel, TrainedNet } from './trained-net.ts';

/** What one level computes with, in the layout of the parameters; weights are masked. */
export type LevelVectors = { weights: Float32Array; affine: Float32Array; statistics: Float32Array };

/** The weights and biases that all levels share, as one flat vector. */
export function sharedWeights(
  net: Pick<TrainedNet, 'weights' | 'biases'>,
  layout: ParameterLayout,
): Float32Array {
  const weights = new Float32Array(layout.weightCount);
  for (const { node, part, offset } of layout.weights)
    weights.set((part === 'bias' ? net.biases : net.weights).get(node.name) ?? [], offset);
  return weights;
}

/** Over the flat vector of shared weights: 1 where the level keeps a weight. */
export function keptWeights(
  { masks, channels }: Pick<TrainedLevel, 'masks' | 'channels'>,
  layout: ParameterLayout,
): Uint8Array {
  const kept = new Uint8Array(layout.weightCount).fill(1);
  for (const { node, offset, size, part, inStream, outStream, inChannels, outChannels } of layout.weights) {
    if (part === 'bias') continue;
    const mask = masks.get(node.name);
    const outs = channels.get(outStream);
    const ins = inStream === undefined ? undefined : channels.get(inStream);
    for (let i = 0; i < size; i += 1) {
      const out = outs?.[i % outChannels] ?? 1;
      const into = ins?.[Math.floor(i / outChannels) % inChannels] ?? 1;
      if ((mask?.[i] ?? 1) === 0 || out === 0 || into === 0) kept[offset + i] = 0;
    }
  }
  return kept;
}

/** @throws Error where a norm of the net is missing. */
export function levelVectors(
  net: TrainedNet,
  level: TrainedLevel,
  layout: ParameterLayout = layoutOf(net.graph),
): LevelVectors {
  const weights = sharedWeights(net, layout);
  const kept = keptWeights(level, layout);
  for (let i = 0; i < weights.length; i += 1) if (kept[i] === 0) weights[i] = 0;
  const affine = new Float32Array(2 * layout.channelCount);
  const statistics = new Float32Array(2 * layout.channelCount);
  for (const { node, offset } of layout.norms) {
    const norm = level.norms.get(node);
    if (!norm)
      throw new Error(`Cannot compute with net "${net.graph.name}" as a level has no norm "${node}"`);
    affine.set(norm.scale, offset);
    affine.set(norm.bias, layout.channelCount + offset);
    statistics.set(norm.mean, offset);
    statistics.set(norm.variance, layout.channelCount + offset);
  }
  return { weights, affine, statistics };
}
