import { engine } from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { UsageError } from '../../terminal/usage-error.ts';
import { openBackend } from '../../trainer/backend/open-backend.ts';
import { checkMemory } from '../../trainer/check-memory.ts';
import { estimateMemory, forwardShard } from '../../trainer/compute/memory-estimate.ts';
import { createSubNet } from '../../trainer/compute/sub-net.ts';
import { evaluationBatch } from '../../trainer/export/evaluate.ts';
import { nets } from '../../trainer/net/nets.ts';
import { runTraining } from '../../trainer/run/run-training.ts';
import { completeSettings } from '../../trainer/settings.ts';
import { normEpsilon } from '../../trainer/train.ts';
import { idx, writeFamily } from './idx-fixture.ts';

const graphOf = (net: string, size: number, channels: number) =>
  nets[net]!({ input: [size, size, channels], classes: 10, width: 1 });

const heapBytes = () => (engine().backend as unknown as { wasm: { HEAPU8: Uint8Array } }).wasm.HEAPU8.length;

describe('estimateMemory()', () => {
  it('is within a factor of 1.5 of what a pass takes of the WebAssembly heap', async () => {
    await openBackend('wasm');
    // From small to large, as a heap only grows.
    for (const [net, size, channels, batch] of [
      ['resnet8', 32, 3, 8],
      ['dscnn', 32, 1, 16],
      ['resnet20', 32, 3, 16],
      ['resnet8', 64, 3, 12],
    ] as const) {
      const graph = graphOf(net, size, channels);
      const { layout, gradients, statistics } = createSubNet(graph, normEpsilon);
      const input = (count: number) => ({
        weights: new Float32Array(layout.weightCount).fill(0.01),
        affine: new Float32Array(2 * layout.channelCount).fill(1),
        inputs: new Float32Array(count * size * size * channels),
        count,
      });
      statistics(input(forwardShard(graph)));
      gradients({
        ...input(batch),
        labels: new Uint16Array(batch),
        lossScale: 1,
      });
      const estimate = estimateMemory(graph, { batch, workers: 2, backend: 'wasm' });
      const ratio = estimate.heapBytes / heapBytes();
      expect(ratio, `${net} ${size} x ${size}`).toBeGreaterThan(1 / 1.5);
      expect(ratio, `${net} ${size} x ${size}`).toBeLessThan(1.5);
    }
  });
});

describe('checkMemory()', () => {
  const graph = nets.resnet8!({ input: [240, 320, 3], classes: 10, width: 1 });
  const gb = 1e9;

  it('names size, batch and the largest batch that fits, which does', () => {
    for (const [backend, freeBytes] of [
      ['wasm', 64 * gb],
      ['wasm', 2 * gb],
      ['node', 4 * gb],
    ] as const) {
      const needs = { graph, batch: 64, workers: 2, backend };
      let message = '';
      try {
        checkMemory(needs, freeBytes);
      } catch (error) {
        expect(error).toBeInstanceOf(UsageError);
        message = (error as Error).message;
      }
      expect(message).toMatch(
        /^Cannot train "resnet8" on 320 x 240 x 3 .* with --batch 64 .*: current estimate is \d/,
      );
      const fitting = Number(/lower --batch to (\d+) or less/.exec(message)![1]);
      expect(() => checkMemory({ ...needs, batch: fitting }, freeBytes)).not.toThrow();
      expect(() => checkMemory({ ...needs, batch: fitting + 1 }, freeBytes)).toThrow('--batch');
    }
    expect(() => checkMemory({ graph, batch: 64, workers: 2, backend: 'node' }, 64 * gb)).not.toThrow();
    expect(() => checkMemory({ graph, batch: 64, workers: 2, backend: 'wasm' }, 0.1 * gb)).toThrow(
      /make the images smaller, or lower --width: not even --batch 2 fits/,
    );
  });

  it('lets small images pass on a small board', () => {
    const small = graphOf('resnet8', 32, 3);
    expect(() =>
      checkMemory({ graph: small, batch: 64, workers: 4, backend: 'wasm' }, 0.6 * gb),
    ).not.toThrow();
  });

  it('is asked by ebb train before the first step', async () => {
    const images = (count: number) => idx([count, 240, 320], new Uint8Array(count * 240 * 320));
    const classes = (count: number) =>
      idx(
        [count],
        Uint8Array.from({ length: count }, (_, i) => i % 10),
      );
    const data = await writeFamily({
      'train-images-idx3-ubyte': images(64),
      'train-labels-idx1-ubyte': classes(64),
      't10k-images-idx3-ubyte': images(10),
      't10k-labels-idx1-ubyte': classes(10),
    });
    const settings = completeSettings({ data, levels: '0', epochs: 1, backend: 'wasm', validation: 0 });
    const steps: string[] = [];
    const training = runTraining(
      { out: `${data.slice(4)}/run`, settings },
      { onProgress: (line) => steps.push(line) },
    );
    await expect(training).rejects.toThrow(/320 x 240 x 1 .* with --batch 64 .* WebAssembly memory/);
    await expect(training).rejects.toBeInstanceOf(UsageError);
    expect(steps).toEqual([]);
  });
});

it('large images are evaluated, and validated, a few at a time', () => {
  expect(forwardShard(graphOf('resnet8', 32, 3))).toBe(32);
  expect(forwardShard(graphOf('resnet8', 320, 3))).toBe(4);
  expect(forwardShard(graphOf('resnet8', 4000, 3))).toBe(1);
  expect([28 * 28, 32 * 32 * 3, 128 * 128 * 3].map(evaluationBatch)).toEqual([100, 100, 100]);
  expect(evaluationBatch(320 * 240 * 3)).toBe(21);
  expect(evaluationBatch(4000 * 3000 * 3)).toBe(1);
});
