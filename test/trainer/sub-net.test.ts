import { memory } from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { openBackend } from '../../trainer/backend/open-backend.ts';
import { createSubNet } from '../../trainer/compute/sub-net.ts';
import type { NetGraph } from '../../trainer/net/graph.ts';
import { nets } from '../../trainer/net/nets.ts';
import { initialNorms, initialWeights, layoutOf } from '../../trainer/net/parameters.ts';
import { createRandom } from '../../trainer/random.ts';

beforeAll(() => openBackend('wasm'));

function problem(graph: NetGraph, count: number) {
  const random = createRandom(3);
  const layout = layoutOf(graph);
  const weights = initialWeights(layout, random);
  const { affine } = initialNorms(layout);
  for (let i = 0; i < affine.length; i += 1) affine[i]! += 0.2 * random.normal();
  const inputs = Float32Array.from({ length: count * graph.input.reduce((a, b) => a * b, 1) }, () =>
    random.normal(),
  );
  const labels = Uint16Array.from({ length: count }, () => random.below(graph.classes));
  return { layout, weights, affine, inputs, labels, count, lossScale: 1 };
}

describe('createSubNet()', () => {
  it('has the gradients of finite differences along random directions', () => {
    const graph = nets.resnet8!({ input: [9, 8, 2], classes: 4, width: 0.25 });
    const input = problem(graph, 6);
    const net = createSubNet(graph, 1e-5);
    const tensors = memory().numTensors;
    const base = net.gradients(input);
    expect(memory().numTensors).toBe(tensors);
    const random = createRandom(11);
    const step = 2e-3;
    for (const part of ['weights', 'affine'] as const) {
      // Along a direction near the gradient's own the difference stands clear of float32's noise.
      const gradient = base[part];
      const norm = Math.hypot(...gradient);
      const direction = gradient.map(
        (value) => value / norm + (0.5 * random.normal()) / Math.sqrt(gradient.length),
      );
      const lossAt = (factor: number) => {
        const moved = input[part].map((value, i) => value + factor * direction[i]!);
        return net.gradients({ ...input, [part]: moved }).loss;
      };
      const difference = (lossAt(step) - lossAt(-step)) / (2 * step);
      const slope = gradient.reduce((sum, value, i) => sum + value * direction[i]!, 0);
      expect(Math.abs(difference / slope - 1)).toBeLessThan(0.02);
    }
  });

  it('infers what training computed where the running statistics are those of the images', () => {
    const graph = nets.resnet8!({ input: [8, 8, 1], classes: 3, width: 0.25 });
    const input = problem(graph, 5);
    const net = createSubNet(graph, 1e-5);
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

describe('resnet8()', () => {
  it('has the weights and the multiply-accumulates of MLPerf Tiny on 32 x 32 x 3', () => {
    const graph = nets.resnet8!({ input: [32, 32, 3], classes: 10 });
    const convs = graph.nodes.filter((node) => node.kind === 'conv');
    const weights = layoutOf(graph).weightCount;
    const macs = convs.reduce((sum, { kernel, inChannels, outChannels, outSize }) => {
      return sum + kernel[0] * kernel[1] * inChannels * outChannels * outSize[0] * outSize[1];
    }, 0);
    expect(weights).toBe(432 + 2 * 2304 + 4608 + 9216 + 512 + 18432 + 36864 + 2048 + 640 + 10);
    expect(macs).toBe(1024 * (432 + 4608) + 256 * (4608 + 9216 + 512) + 64 * (18432 + 36864 + 2048));
  });

  it('puts all channels that are added together into one stream', () => {
    const graph = nets.resnet8!({ input: [28, 28, 1], classes: 10 });
    const streams = new Map<string, string>();
    for (const node of graph.nodes) {
      if (node.kind === 'conv') streams.set(node.name, node.outStream);
      else if (node.kind !== 'dense') streams.set(node.name, node.stream);
      const inputs = node.kind === 'add' ? node.from : [node.from];
      if (node.kind !== 'conv' && node.kind !== 'dense')
        for (const name of inputs) expect(streams.get(name)).toBe(streams.get(node.name));
    }
  });
});
