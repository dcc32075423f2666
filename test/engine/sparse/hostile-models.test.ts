import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeModel } from '../../../bundle/onnx/decode-model.ts';
import { encodeModel } from '../../../bundle/onnx/encode-model.ts';
import type { OnnxModel } from '../../../bundle/onnx/model.ts';
import { type Plan, planLevels } from '../../../engine/sparse/plan/plan-levels.ts';
import { fuzzRuns, fuzzTimeoutMs } from '../../fuzz.ts';
import { drawNumbers } from '../../tiny-bundle.ts';
import { buildModels, randomNet } from './random-model.ts';
import { runtimes } from './runtimes.ts';

/** Plans what can be planned; an error is an answer, a crash or anything that is not an Error is none. */
function planned(make: () => OnnxModel[]): Plan | undefined {
  try {
    return planLevels(make());
  } catch (error) {
    expect(error).toBeInstanceOf(Error);
    expect((error as Error).message).not.toBe('');
    return undefined;
  }
}

function runEverywhere(plan: Plan): void {
  for (const { open } of runtimes) {
    const runtime = open(plan);
    try {
      for (const [level, { program }] of plan.levels.entries()) {
        const { inputSize, outputSize } = plan.programs[program]!;
        expect(runtime.run(level, drawNumbers(inputSize, 1), 1, 2)).toHaveLength(outputSize);
      }
    } finally {
      runtime.close();
    }
  }
}

/** Numbers that shapes and attributes are least prepared for. */
const odd = fc.constantFrom(-(2 ** 31), -7, -1, 0, 1, 2, 3, 8, 100, 65_536, 2 ** 31, 2 ** 53);

describe('a model that was tampered with', () => {
  it(
    'ends as an error or runs, where bytes are changed',
    () => {
      const change = fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 }));
      fc.assert(
        fc.property(randomNet, fc.array(change, { minLength: 1, maxLength: 8 }), (net, changes) => {
          const [model] = buildModels(net) as [OnnxModel];
          const bytes = encodeModel(model);
          for (const [at, value] of changes) bytes[at % bytes.length] = value;
          const plan = planned(() => [decodeModel(bytes)]);
          if (plan) runEverywhere(plan);
        }),
        fuzzRuns(200),
      );
    },
    fuzzTimeoutMs,
  );

  it(
    'ends as an error or runs, where shapes and attributes are changed',
    () => {
      fc.assert(
        fc.property(
          randomNet,
          fc.array(fc.tuple(fc.nat(), fc.nat(), odd), { minLength: 1, maxLength: 3 }),
          (net, changes) => {
            const [model] = buildModels(net) as [OnnxModel];
            const targets: number[][] = [
              ...model.initializers.map(({ dims }) => dims),
              ...model.nodes.flatMap(({ attributes }) =>
                Object.values(attributes).flatMap((attribute) =>
                  attribute.type === 'INTS' ? [attribute.value] : [],
                ),
              ),
              ...model.inputs.map(({ shape }) => shape as number[]),
            ].filter(({ length }) => length > 0);
            for (const [target, at, value] of changes) {
              const numbers = targets[target % targets.length]!;
              numbers[at % numbers.length] = value;
            }
            const plan = planned(() => [model]);
            if (plan) runEverywhere(plan);
          },
        ),
        fuzzRuns(300),
      );
    },
    fuzzTimeoutMs,
  );

  it(
    'ends as an error where inputs name what is not there, or each other',
    () => {
      fc.assert(
        fc.property(randomNet, fc.nat(), fc.nat(), (net, at, other) => {
          const [model] = buildModels(net) as [OnnxModel];
          const node = model.nodes[at % model.nodes.length]!;
          node.inputs[0] = model.nodes[other % model.nodes.length]!.outputs[0]!;
          const plan = planned(() => [model]);
          if (plan) runEverywhere(plan);
        }),
        fuzzRuns(100),
      );
    },
    fuzzTimeoutMs,
  );
});
