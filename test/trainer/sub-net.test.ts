import { memory } from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { applyMask, wholeMask } from '../../trainer/ast/masks/level-mask.ts';
import { createMaskScheme } from '../../trainer/ast/masks/mask-scheme.ts';
import { openBackend } from '../../trainer/backend/open-backend.ts';
import { createSubNet } from '../../trainer/compute/sub-net.ts';
import type { NetGraph } from '../../trainer/net/graph.ts';
import { nets } from '../../trainer/net/nets.ts';
import { initialNorms, initialWeights, layoutOf } from '../../trainer/net/parameters.ts';
import { createRandom } from '../../trainer/random.ts';
import { describeBackends } from './backends.ts';
import { type PlainInput, plainPass } from './plain-pass.ts';

const epsilon = 1e-5;

/** Every net, small enough for plain loops, with odd sizes and both one and several input channels. */
const small: [string, NetGraph][] = [
  ['resnet8', nets.resnet8!({ input: [9, 8, 2], classes: 4, width: 0.25 })],
  ['resnet8 of one channel', nets.resnet8!({ input: [7, 7, 1], classes: 3, width: 0.5 })],
  ['resnet20', nets.resnet20!({ input: [8, 8, 3], classes: 4, width: 0.25 })],
  ['resnet32', nets.resnet32!({ input: [8, 7, 3], classes: 3, width: 0.25 })],
  ['dscnn', nets.dscnn!({ input: [13, 12, 1], classes: 4, width: 0.125 })],
  // Narrower, masks leave channels of next to no variance, whose gradients are small differences of large numbers.
  ['dscnn with two strides', nets.dscnn!({ input: [25, 24, 2], classes: 3, width: 0.125 })],
  ['mlp', nets.mlp!({ input: [1, 1, 9], classes: 4, width: 0.125 })],
];

/** Random parameters, masked to 60% sparsity, and random samples. */
function problem(graph: NetGraph, count: number) {
  const random = createRandom(3);
  const layout = layoutOf(graph);
  const latent = initialWeights(layout, random);
  const scheme = createMaskScheme(layout, 'element', 'global');
  const request = { weights: latent, progress: 1, within: wholeMask(latent.length) };
  const weights = applyMask(latent, scheme({ sparsity: 0.6 }, request).weights);
  const { affine } = initialNorms(layout);
  for (let i = 0; i < affine.length; i += 1) affine[i]! += 0.2 * random.normal();
  const size = graph.input.reduce((a, b) => a * b, 1);
  const inputs = Float32Array.from({ length: count * size }, () => random.normal());
  const labels = Uint16Array.from({ length: count }, () => random.below(graph.classes));
  return { layout, weights, affine, inputs, labels, count, lossScale: 1 };
}

function plainInput(input: ReturnType<typeof problem>): PlainInput {
  const { weights, affine, inputs, labels, count } = input;
  return {
    weights: Float64Array.from(weights),
    affine: Float64Array.from(affine),
    inputs,
    labels,
    count,
  };
}

/** The largest difference, as a share of the reference's largest value. */
function relativeError(values: ArrayLike<number>, reference: Float64Array): number {
  expect(values.length).toBe(reference.length);
  const scale = reference.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
  return reference.reduce((worst, value, i) => Math.max(worst, Math.abs(value - values[i]!)), 0) / scale;
}

describe('the plain reference', () => {
  it.each(small)('has the gradients of finite differences on %s', (_, graph) => {
    const input = problem(graph, 3);
    const plain = plainInput(input);
    const base = plainPass(graph, input.layout, plain, epsilon);
    const random = createRandom(11);
    const step = 1e-6;
    for (const part of ['weights', 'affine'] as const)
      for (let turn = 0; turn < 4; turn += 1) {
        const direction = Float64Array.from(plain[part], () => random.normal());
        const lossAt = (factor: number) => {
          const moved = plain[part].map((value, i) => value + factor * direction[i]!);
          return plainPass(graph, input.layout, { ...plain, [part]: moved }, epsilon).loss;
        };
        const difference = (lossAt(step) - lossAt(-step)) / (2 * step);
        const slope = base[part].reduce((sum, value, i) => sum + value * direction[i]!, 0);
        const scale = Math.hypot(...base[part]) * Math.hypot(...direction);
        expect(Math.abs(difference - slope) / scale).toBeLessThan(1e-6);
      }
  });
});

describeBackends('createSubNet()', (backend) => {
  beforeAll(() => openBackend(backend));

  it.each(small)('computes the masked forward and backward pass of the plain reference on %s', (_, graph) => {
    const input = problem(graph, 5);
    const expected = plainPass(graph, input.layout, plainInput(input), epsilon);
    const net = createSubNet(graph, epsilon);
    const tensors = memory().numTensors;
    const { weights, affine, statistics, loss } = net.gradients(input);
    expect(memory().numTensors).toBe(tensors);
    expect(Math.abs(loss / expected.loss - 1)).toBeLessThan(1e-5);
    expect(relativeError(weights, expected.weights)).toBeLessThan(1e-5);
    expect(relativeError(affine, expected.affine)).toBeLessThan(1e-5);
    expect(relativeError(statistics, expected.statistics)).toBeLessThan(1e-5);
    const logits = net.logits({ ...input, statistics });
    expect(relativeError(logits, expected.logits)).toBeLessThan(1e-5);
  });

  it('infers what training computed where the running statistics are those of the samples', () => {
    const graph = nets.resnet8!({ input: [8, 8, 1], classes: 3, width: 0.25 });
    const input = problem(graph, 5);
    const net = createSubNet(graph, epsilon);
    const { statistics, loss } = net.gradients(input);
    expect(net.statistics(input)).toEqual(statistics);
    const logits = net.logits({ ...input, statistics });
    const rows = Array.from({ length: 5 }, (_, n) => [...logits.subarray(3 * n, 3 * n + 3)]);
    const expected = rows.reduce((sum, row, n) => {
      return sum + Math.log(row.reduce((total, z) => total + Math.exp(z), 0)) - row[input.labels[n]!]!;
    }, 0);
    expect(loss).toBeCloseTo(expected, 4);
  });
});
