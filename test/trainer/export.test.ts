import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { decodeModel } from '../../bundle/onnx/decode-model.ts';
import type { OnnxModel } from '../../bundle/onnx/model.ts';
import { preprocess } from '../../bundle/preprocess.ts';
import { readBundle } from '../../bundle/read-bundle.ts';
import { openEngine } from '../../engine/open-engine.ts';
import { countCorrect } from '../../trainer/export/evaluate.ts';
import { encodeLevels, exportBundle } from '../../trainer/export/export-bundle.ts';
import { samePadding } from '../../trainer/export/same-padding.ts';
import type { TrainedNet } from '../../trainer/net/trained-net.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { randomData, randomNet, smallGraph } from './export-fixture.ts';
import { referenceLogits } from './reference-net.ts';

const granularities = ['element', 'channel'] as const;

async function exported(net: TrainedNet) {
  const data = randomData(net.graph);
  const dir = `${await temporaryFolder()}/bundle`;
  const manifest = await exportBundle(net, data, { dir, name: 'small', training: undefined });
  const bundle = await readBundle(dir);
  const engine = await openEngine(bundle);
  onTestFinished(() => engine.close());
  return { data, manifest, bundle, engine };
}

function tensor(model: OnnxModel, name: string) {
  const found = model.initializers.find((initializer) => initializer.name === name);
  if (!found) throw new Error(`no initializer ${name}`);
  return { dims: found.dims, data: found.data as Float32Array };
}

const modelsOf = (net: TrainedNet) => encodeLevels(net).map((level) => decodeModel(level.onnx));

describe('exportBundle()', () => {
  for (const granularity of granularities) {
    for (const [height, width] of [
      [8, 8],
      [9, 7],
    ] as const) {
      it(`writes ${granularity} levels whose logits in onnxruntime are those of a plain float64 reference (${height} x ${width})`, async () => {
        const net = randomNet(smallGraph(height, width), granularity, 1);
        const { data, bundle, engine } = await exported(net);
        const size = height * width * 2;
        const { mean, std } = data;
        for (const level of [0, 1, 2]) {
          for (const image of [0, 1, 2]) {
            const pixels = data.test.inputs.subarray(image * size, (image + 1) * size);
            const normalised = Float64Array.from(
              pixels,
              (pixel, i) => (pixel / 255 - mean[i % 2]!) / std[i % 2]!,
            );
            const wanted = referenceLogits(net, level, normalised);
            const { output } = await engine.run(preprocess(pixels, 1, bundle.manifest), 1, { level });
            const scale = Math.max(...wanted.map(Math.abs));
            expect(scale).toBeGreaterThan(0.01);
            for (const [k, logit] of wanted.entries())
              expect(Math.abs(output[k]! - logit) / scale).toBeLessThan(1e-4);
          }
        }
      });
    }

    it(`says in the manifest what evaluating the written ${granularity} bundle counts`, async () => {
      const { data, manifest, bundle, engine } = await exported(randomNet(smallGraph(8, 8), granularity, 5));
      expect(manifest).toEqual(bundle.manifest);
      for (const [index, level] of manifest.levels.entries()) {
        const counted = await countCorrect(engine, index, data.test, manifest);
        expect(level.accuracy).toEqual({
          metric: 'top1',
          value: counted.correct / 60,
          correct: counted.correct,
          count: 60,
          data: 'random',
          split: 'test',
        });
      }
    });
  }

  it('leaves nothing behind when it is aborted', async () => {
    const net = randomNet(smallGraph(8, 8), 'element', 1);
    const parent = await temporaryFolder();
    const signal = AbortSignal.abort(new Error('stopped'));
    const options = { dir: `${parent}/bundle`, name: 'small', training: undefined, signal };
    await expect(exportBundle(net, randomData(net.graph), options)).rejects.toThrow('stopped');
    await expect(readBundle(`${parent}/bundle`)).rejects.toThrow('there is none');
  });

  it('refuses data of another size than the net', async () => {
    const net = randomNet(smallGraph(8, 8), 'element', 1);
    const options = { dir: 'never-written', name: 'small', training: undefined };
    await expect(exportBundle(net, randomData(smallGraph(9, 8)), options)).rejects.toThrow(
      'its data must be 8 x 8 x 2 x 3 (height, width, channels, classes): current value of "random" is 9 x 8 x 2 x 3',
    );
  });
});

describe('encodeLevels() at element granularity', () => {
  it('keeps the bits of every weight that a mask keeps, and zero elsewhere', () => {
    const net = randomNet(smallGraph(8, 8), 'element', 9);
    const models = modelsOf(net);
    for (const node of net.graph.nodes) {
      if (node.kind !== 'conv') continue;
      const weights = models.map((model) => tensor(model, `${node.name}.weight`));
      for (let level = 1; level < models.length; level += 1) {
        const differing = weights[level]!.data.filter(
          (weight, i) => weight !== 0 && !Object.is(weight, weights[level - 1]!.data[i]),
        );
        expect(differing).toHaveLength(0);
        expect(weights[level]!.dims).toEqual(weights[0]!.dims);
      }
    }
  });

  it('counts zeros of maskable weights, nonzeros of all, and multiply-accumulates on nonzeros', () => {
    const net = randomNet(smallGraph(9, 7), 'element', 3);
    for (const [index, counted] of encodeLevels(net).entries()) {
      const ones = (name: string) => net.levels[index]!.masks.get(name)!.reduce((sum, x) => sum + x, 0);
      const large = ones('a1') + ones('a2');
      const small = ones('b1') + ones('b2') + ones('b.short');
      const maskable = 9 * (6 * 5 + 5 * 6 + 6 * 7 + 7 * 8) + 6 * 8;
      expect(counted.sparsity).toBeCloseTo(1 - (large + small) / maskable, 12);
      expect(counted.nonzeros).toBe(9 * 2 * 6 + large + small + 8 * 3);
      expect(counted.macs).toBe((9 * 2 * 6 + large) * 63 + small * 20 + 8 * 3);
    }
  });

  it('refuses masks that are not nested', () => {
    const net = randomNet(smallGraph(8, 8), 'element', 1);
    net.levels[1]!.masks.get('a1')!.fill(0);
    net.levels[2]!.masks.get('a1')![4] = 1;
    expect(() => encodeLevels(net)).toThrow('weight 4 of "a1" is not among them');
  });
});

describe('encodeLevels() at channel granularity', () => {
  it("makes every sparser level's weights a leading slice of the denser ones'", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10_000 }), (seed) => {
        const net = randomNet(smallGraph(6, 6), 'channel', seed);
        const models = modelsOf(net);
        for (const node of net.graph.nodes) {
          if (node.kind !== 'conv' && node.kind !== 'dense') continue;
          const [dense, ...others] = models.map((model) => tensor(model, `${node.name}.weight`));
          for (const { dims, data } of others) expect(data).toEqual(leadingSlice(dense!, dims));
        }
      }),
      { numRuns: 20 },
    );
  });

  it('makes physically smaller nets, and counts absent weights as zeros', () => {
    const net = randomNet(smallGraph(8, 8), 'channel', 4);
    const levels = encodeLevels(net);
    for (const [index, counted] of levels.entries()) {
      const kept = (stream: string) =>
        net.levels[index]!.channels.get(stream)!.reduce((sum, x) => sum + x, 0);
      const [s0, a, b, s1] = ['s0', 'a', 'b', 's1'].map(kept) as [number, number, number, number];
      const model = decodeModel(counted.onnx);
      expect(tensor(model, 'b1.weight').dims).toEqual([b, s0, 3, 3]);
      expect(tensor(model, 'b1.norm.scale').dims).toEqual([b]);
      expect(tensor(model, 'head.weight').dims).toEqual([s1, 3]);
      const large = 9 * 2 * s0 * a;
      const small = 9 * (s0 * b + b * s1) + s0 * s1;
      expect(counted.nonzeros).toBe(9 * 2 * s0 + large + small + s1 * 3);
      expect(counted.macs).toBe((9 * 2 * s0 + large) * 64 + small * 16 + s1 * 3);
      expect(counted.sparsity).toBeCloseTo(1 - (large + small) / (9 * (30 + 30 + 42 + 56) + 48), 12);
    }
    expect(levels[2]!.onnx.length).toBeLessThan(levels[0]!.onnx.length);
  });

  it('refuses channels that a denser level does not keep, and streams without channels', () => {
    const stray = randomNet(smallGraph(8, 8), 'channel', 1);
    stray.levels[1]!.channels.get('b')!.fill(0, 0, 3);
    stray.levels[2]!.channels.get('b')!.fill(1, 0, 3);
    expect(() => encodeLevels(stray)).toThrow('channel 0 of stream "b" is not kept by level 1');
    const empty = randomNet(smallGraph(8, 8), 'channel', 1);
    empty.levels[2]!.channels.get('s1')!.fill(0);
    expect(() => encodeLevels(empty)).toThrow('at least one channel of stream "s1"');
  });
});

/** `dims[0] x dims[1] x ...` taken from the start of every dimension. */
function leadingSlice({ dims, data }: { dims: number[]; data: Float32Array }, sizes: number[]): Float32Array {
  const inner = dims.slice(2).reduce((product, size) => product * size, 1);
  return Float32Array.from({ length: sizes[0]! * sizes[1]! * inner }, (_, i) => {
    const [row, rest] = [Math.floor(i / (sizes[1]! * inner)), i % (sizes[1]! * inner)];
    return data[row * dims[1]! * inner + rest]!;
  });
}

describe('samePadding()', () => {
  it('puts the odd zero after the image, as TensorFlow does', () => {
    expect(samePadding(28, 3, 1)).toEqual([1, 1]);
    expect(samePadding(28, 3, 2)).toEqual([0, 1]);
    expect(samePadding(7, 3, 2)).toEqual([1, 1]);
    expect(samePadding(28, 1, 2)).toEqual([0, 0]);
    expect(samePadding(7, 5, 3)).toEqual([2, 2]);
    expect(samePadding(8, 2, 1)).toEqual([0, 1]);
  });

  it('makes windows that fit ceil(size / stride) times', () => {
    const positive = (max: number) => fc.integer({ min: 1, max });
    fc.assert(
      fc.property(positive(64), positive(7), positive(4), (size, kernel, stride) => {
        const [before, after] = samePadding(size, kernel, stride);
        expect(Math.floor((size + before + after - kernel) / stride) + 1).toBe(Math.ceil(size / stride));
        expect(after - before === 0 || after - before === 1).toBe(true);
      }),
    );
  });
});

describe('preprocess()', () => {
  const input = (layout: 'NCHW' | 'NC', shape: [number, ...number[]]) => ({
    input: {
      name: 'image',
      shape: ['batch', ...shape] as ['batch', ...number[]],
      dtype: 'float32' as const,
      layout,
      preprocessing: { scale: 1 / 255, mean: [0.5, 0.25], std: [0.5, 0.25] },
    },
  });

  it('normalises each channel and sets the channels apart', () => {
    const images = Uint8Array.from([255, 0, 0, 255, 255, 255, 0, 0]);
    expect(Array.from(preprocess(images, 2, input('NCHW', [2, 1, 2])))).toEqual([1, -1, -1, 3, 1, -1, 3, -1]);
    expect(Array.from(preprocess(images, 2, input('NC', [4])))).toEqual([1, -1, -1, 3, 1, 3, -1, -1]);
  });

  it('refuses images of another size', () => {
    expect(() => preprocess(new Uint8Array(7), 2, input('NCHW', [2, 1, 2]))).toThrow(
      'each must hold 4 numbers (2 x 1 x 2): current length is 7',
    );
  });
});
