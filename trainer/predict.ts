import { createSubNet } from './compute/sub-net.ts';
import { levelVectors } from './net/level-vectors.ts';
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
  return createSubNet(net.graph, net.normEpsilon).logits({ ...levelVectors(net, trained), inputs, count });
}
