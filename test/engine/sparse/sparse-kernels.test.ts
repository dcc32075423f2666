import fc from 'fast-check';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { encodeModel } from '../../../bundle/onnx/encode-model.ts';
import type { OnnxModel } from '../../../bundle/onnx/model.ts';
import { planLevels } from '../../../engine/sparse/plan/plan-levels.ts';
import { fuzzRuns, fuzzTimeoutMs } from '../../fuzz.ts';
import { drawNumbers, tinyModel } from '../../tiny-bundle.ts';
import { buildModels, randomNet } from './random-model.ts';
import { runtimes, untilHelped } from './runtimes.ts';

/** Without optimisations: some of them fail on nets that are rare, but valid. */
async function runOrt(model: OnnxModel, input: Float32Array, batch: number): Promise<Float32Array> {
  const session = await InferenceSession.create(encodeModel(model), {
    graphOptimizationLevel: 'disabled',
    logSeverityLevel: 3,
    intraOpNumThreads: 1,
  });
  const shape = model.inputs[0]!.shape!.slice(1) as number[];
  const outputs = await session.run({ image: new Tensor('float32', input, [batch, ...shape]) });
  const output = Float32Array.from(outputs[model.outputs[0]!.name]!.data as Float32Array);
  await session.release();
  return output;
}

/** The largest difference, as a share of the reference's largest value. */
function relativeError(values: Float32Array, reference: Float32Array): number {
  const scale = reference.reduce((largest, value) => Math.max(largest, Math.abs(value)), 1e-3);
  return reference.reduce((worst, value, i) => Math.max(worst, Math.abs(value - values[i]!)), 0) / scale;
}

describe.each(runtimes)('the kernels of $name', ({ open }) => {
  it(
    'compute what onnxruntime computes on random nets, at every level, however weights are stored, for any number of threads',
    async () => {
      await fc.assert(
        fc.asyncProperty(
          randomNet,
          fc.integer({ min: 1, max: 4 }),
          fc.array(fc.nat(3)),
          async (net, threads, forms) => {
            const models = buildModels(net, 3);
            const runtime = open(planLevels(models, forms));
            try {
              const input = drawNumbers(2 * net.channels * net.height * net.width, net.seed);
              runtime.run(0, input, 2, threads);
              await untilHelped(runtime, threads - 1);
              for (const [level, model] of models.entries()) {
                const output = runtime.run(level, input, 2, threads);
                expect(relativeError(output, await runOrt(model, input, 2))).toBeLessThan(1e-4);
              }
            } finally {
              runtime.close();
            }
          },
        ),
        fuzzRuns(150),
      );
    },
    fuzzTimeoutMs,
  );

  it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])(
    'let %f pass as onnxruntime does',
    async (odd) => {
      const model = tinyModel(6, 3);
      const runtime = open(planLevels([model]));
      try {
        const input = drawNumbers(64, 5);
        input[27] = odd;
        const output = runtime.run(0, input, 1, 1);
        expect(Array.from(output, String)).toEqual(Array.from(await runOrt(model, input, 1), String));
        expect(output.some((value) => !Number.isFinite(value))).toBe(true);
      } finally {
        runtime.close();
      }
    },
  );

  it('answer the next run after one that failed', () => {
    const runtime = open(planLevels([tinyModel(6, 3)]));
    try {
      const input = drawNumbers(64, 5);
      const output = runtime.run(0, input, 1, 1);
      expect(() => runtime.run(7, input, 1, 1)).toThrow(/no level 7/);
      expect(runtime.run(0, input, 1, 1)).toEqual(output);
    } finally {
      runtime.close();
    }
  });

  it('give the same bits for any number of threads, which may change between two runs', async () => {
    await fc.assert(
      fc.asyncProperty(
        randomNet,
        fc.array(fc.integer({ min: 2, max: 4 }), { minLength: 1, maxLength: 4 }),
        async (net, counts) => {
          const runtime = open(planLevels(buildModels({ ...net, height: net.height + 12 })));
          try {
            const input = drawNumbers(net.channels * (net.height + 12) * net.width, net.seed);
            const alone = runtime.run(0, input, 1, 1);
            for (const threads of [...counts, 1, ...counts]) {
              expect(runtime.run(0, input, 1, threads)).toEqual(alone);
              await untilHelped(runtime, threads - 1);
            }
          } finally {
            runtime.close();
          }
        },
      ),
      fuzzRuns(50),
    );
  });

  it('tell what they have allocated: the image, and little beside', () => {
    for (const width of [4, 4096]) {
      const plan = planLevels([tinyModel(width, 1)]);
      const runtime = open(plan);
      // WebAssembly keeps another image, for the memory after a run that traps, and has stacks for its threads.
      const beside = runtime.memoryBytes - plan.image.byteLength;
      if (!runtime.name.startsWith('wasm')) expect(beside).toBe(0);
      else expect(Math.abs(beside - plan.image.byteLength - 2 ** 19)).toBeLessThan(2 ** 18);
      runtime.close();
    }
  });

  it('refuse a run once they are closed', () => {
    const runtime = open(planLevels([tinyModel(6, 3)]));
    runtime.close();
    runtime.close();
    expect(() => runtime.run(0, drawNumbers(64, 5), 1, 1)).toThrow('the engine is closed');
  });
});
