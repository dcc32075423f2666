import { describe, expect, it } from 'vitest';
import { readBundle } from '../../bundle/read-bundle.ts';
import { openEngine } from '../../engine/open-engine.ts';
import { openBackend } from '../../trainer/backend/open-backend.ts';
import { createBatches, plainBatch } from '../../trainer/batches.ts';
import { exportBundle } from '../../trainer/export/export-bundle.ts';
import { nets } from '../../trainer/net/nets.ts';
import { predict } from '../../trainer/predict.ts';
import { completeSettings } from '../../trainer/settings.ts';
import { type StepReport, type TrainOptions, train } from '../../trainer/train.ts';
import { trainOptions } from '../../trainer/train-options.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { toyData } from './toy-data.ts';

const data = toyData();
const graph = nets.resnet8!({ input: [8, 8, 1], classes: 3, width: 0.5 });
const targets = [0, 0.5, 0.8].map((sparsity) => ({ sparsity }));
const settings = completeSettings({ data: 'toy', levels: '0,0.5,0.8', epochs: 6, seed: 7, lr: 0.1 });
const options: TrainOptions = { ...trainOptions(settings, data, 'wasm'), graph };

function argmaxRows(values: Float32Array, classes: number): number[] {
  return Array.from({ length: values.length / classes }, (_, n) => {
    const row = values.subarray(n * classes, (n + 1) * classes);
    return row.indexOf(Math.max(...row));
  });
}

/** `[count, height, width, 1]` is `[count, 1, height, width]`: with one channel both layouts are the same numbers. */
const test = plainBatch(
  data,
  data.test,
  Int32Array.from({ length: data.test.count }, (_, i) => i),
);

describe('train()', () => {
  it('teaches every level a toy data set, far above chance, and prunes to the sparsities asked for', async () => {
    await openBackend('wasm');
    const steps: StepReport[] = [];
    const net = await train(data, options, { onStep: (step) => steps.push(step) });
    expect(steps.map(({ levels }) => levels.map(({ level }) => level))).toEqual(steps.map((_, t) => [t % 3]));
    expect(steps.length).toBe(48);
    expect(steps.some(({ conflicts }) => conflicts > 0)).toBe(true);
    expect(steps.filter((_, t) => t % 3 === 0).every(({ conflicts }) => conflicts === 0)).toBe(true);
    net.levels.forEach((level, index) => {
      const bits = [...level.masks.values()].flatMap((mask) => [...mask]);
      const kept = bits.reduce((sum, bit) => sum + bit, 0) / bits.length;
      expect(kept).toBeCloseTo(1 - targets[index]!.sparsity, 3);
      const answers = argmaxRows(predict(net, index, test.inputs, test.count), 3);
      const correct = answers.filter((answer, n) => answer === test.labels[n]).length;
      expect(correct / test.count).toBeGreaterThan(0.75);
    });
  });

  it('gives the same weights for the same seed on one thread and on two, and others for another seed', async () => {
    const short = { ...options, epochs: 1 };
    const one = await train(data, { ...short, workers: 1 });
    const two = await train(data, { ...short, workers: 2 });
    expect(two).toEqual(one);
    const other = await train(data, { ...short, epochs: 0.5, seed: 8 });
    expect(other.weights).not.toEqual(one.weights);
  });

  for (const granularity of ['element', 'channel'] as const)
    it(`computes what onnxruntime computes on the exported ${granularity} levels`, async () => {
      await openBackend('wasm');
      const net = await train(data, { ...options, granularity, epochs: 2 });
      const dir = `${await temporaryFolder()}/bundle`;
      await exportBundle(net, data, { dir, name: 'toy', training: undefined });
      const bundle = await readBundle(dir);
      const engine = await openEngine(bundle);
      try {
        for (const [level, { accuracy }] of bundle.manifest.levels.entries()) {
          const ours = predict(net, level, test.inputs, test.count);
          const { output } = await engine.run(test.inputs, test.count, { level });
          const scale = Math.max(...output.map(Math.abs));
          const error = Math.max(...output.map((value, i) => Math.abs(value - ours[i]!)));
          expect(error / scale).toBeLessThan(1e-4);
          const correct = argmaxRows(ours, 3).filter((answer, n) => answer === test.labels[n]).length;
          expect(accuracy?.correct).toBe(correct);
        }
        const macs = bundle.manifest.levels.map((level) => level.macs);
        expect(macs[0]).toBeGreaterThan(macs[1]!);
        expect(macs[1]).toBeGreaterThan(macs[2]!);
      } finally {
        await engine.close();
      }
    });

  it('ends with the reason of the signal where it is aborted in the middle', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    const steps: StepReport[] = [];
    const onStep = (step: StepReport) => {
      steps.push(step);
      if (steps.length === 3) controller.abort(reason);
    };
    const signal = controller.signal;
    await expect(train(data, { ...options, epochs: 100 }, { onStep, signal })).rejects.toBe(reason);
    expect(steps.length).toBe(3);
  });

  it('refuses what cannot be trained, before any work', async () => {
    const wrong: [Partial<TrainOptions>, RegExp][] = [
      [{ targets: [{ sparsity: 0.5 }, { sparsity: 0.2 }] }, /ascending/],
      [{ targets: [] }, /ascending/],
      [{ method: 'single' }, /must have one level: current value is 3/],
      [{ targets: [{ sparsity: 0.5, pattern: { n: 2, m: 4 } }] }, /add --granularity nm/],
      [{ granularity: 'nm' }, /each level must be 0 or N:M/],
      [{ distribution: 'macs', targets: [{ sparsity: 0.999 }] }, /lower the level 0.999/],
      [{ batch: 1000 }, /batch must fit its 512 training samples/],
      [{ epochs: 0.125 }, /every level needs at least one step/],
      [{ graph: nets.resnet8!({ input: [9, 8, 1], classes: 3 }) }, /must be 9 x 8 x 1 x 3/],
    ];
    for (const [change, message] of wrong)
      await expect(train(data, { ...options, ...change })).rejects.toThrow(message);
  });

  it('ends with a cure where the loss is no longer a number', async () => {
    const diverging = train(data, { ...options, learningRate: 1e30 });
    await expect(diverging).rejects.toThrow(/loss must be finite.*lower --lr/);
  });
});

describe('createBatches()', () => {
  it('shows every image of an epoch once, shifted by at most the padding', () => {
    const marked = toyData(8, 3);
    marked.train.inputs.fill(0);
    // Image n has one pixel of its own brightness in the middle.
    for (let n = 0; n < 8; n += 1) marked.train.inputs[n * 64 + 4 * 8 + 4] = 20 * (n + 1);
    const plain = { ...marked, mean: [0], std: [1] };
    const batches = createBatches(plain, 4, 1);
    for (let epoch = 0; epoch < 3; epoch += 1) {
      const images = [batches.at(2 * epoch), batches.at(2 * epoch + 1)].flatMap(({ inputs }) =>
        [0, 1, 2, 3].map((n) => inputs.subarray(64 * n, 64 * (n + 1))),
      );
      const peaks = images.map((image) => image.indexOf(Math.max(...image)));
      const seen = images.map((image) => Math.round((255 * Math.max(...image)) / 20));
      expect(seen.toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
      for (const peak of peaks) {
        expect(Math.abs(Math.floor(peak / 8) - 4)).toBeLessThanOrEqual(1);
        expect(Math.min(Math.abs((peak % 8) - 4), Math.abs((peak % 8) - 3))).toBeLessThanOrEqual(1);
      }
    }
  });
});
