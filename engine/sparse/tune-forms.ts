import type { OnnxModel } from '../../bundle/onnx/model.ts';
import { type Plan, planLevels } from './plan/plan-levels.ts';
import type { Product } from './plan/product-forms.ts';
import { stepFields } from './plan/step-words.ts';
import type { OpenRuntime } from './runtime/runtime.ts';

export type TuneOptions = {
  /** At most this long for one product at one level. */
  budgetMs?: number;
  monotonicMs?: () => number;
};

/**
 * Measures in which form each product is fastest on this machine, by running its step alone in its first and in its last form, in turns, at every
 * level. A form is chosen by the geometric mean of its times over the levels: they count alike.
 *
 * @param products as usually planned.
 * @param open the kernels that shall run them.
 * @returns a form for each product, as `planLevels` takes them.
 */
export function tuneForms(
  models: OnnxModel[],
  products: readonly Product[],
  open: OpenRuntime,
  options: TuneOptions = {},
): number[] {
  const { budgetMs = 10, monotonicMs = () => performance.now() } = options;
  const plans = [products.map(() => 0), products.map(({ forms }) => forms - 1)].map((forms) =>
    onlyProducts(planLevels(models, forms)),
  );
  const runtimes = plans.map((plan) => open(plan));
  const empty = new Float32Array(0);
  /** Shortest time of a few runs, in the first and in the last form: what disturbs makes runs longer, never shorter. */
  const timesOf = (level: number): [number, number] => {
    const shortest: [number, number] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
    const startMs = monotonicMs();
    for (let round = 0; round < 3 || (round < 32 && monotonicMs() - startMs < budgetMs); round += 1)
      for (const [form, runtime] of runtimes.entries()) {
        const beganMs = monotonicMs();
        for (let i = 0; i < runsATurn; i += 1) runtime.run(level, empty, 1, 1);
        const tookMs = monotonicMs() - beganMs;
        // The first round fills caches.
        if (round > 0) shortest[form] = Math.min(shortest[form] ?? tookMs, tookMs);
      }
    return shortest;
  };
  try {
    let first = 0;
    return products.map(({ forms, form, levels }) => {
      const own = Array.from({ length: levels }, (_, level) => first + level);
      first += levels;
      return forms > 1 ? bestForm(forms, form, own.map(timesOf)) : form;
    });
  } finally {
    for (const runtime of runtimes) runtime.close();
  }
}

/** Runs between two looks at the clock: steps take from a microsecond on. */
const runsATurn = 2;

/** Forms that are less than this faster than the usual one, over all levels, are taken for noise. */
const margin = 0.03;

/** @param times by level, in the first and in the last form; in form `k` the `k` densest levels are as in the last one. */
function bestForm(forms: number, usual: number, times: [number, number][]): number {
  const gains = times.map(([first, last]) => Math.log(first / last));
  const gainOf = (form: number) => gains.slice(0, form).reduce((sum, gain) => sum + gain, 0);
  const best = Array.from({ length: forms }, (_, form) => form).reduce((a, b) =>
    gainOf(b) > gainOf(a) ? b : a,
  );
  return gainOf(best) > gainOf(usual) + margin * gains.length ? best : usual;
}

/** The same image, with a program for each product's step alone; its levels follow one another. */
function onlyProducts({ image, programs, products }: Plan): Plan {
  const alone = products.map(({ program, step }) => {
    const steps = (programs[program]?.steps ?? 0) + step * stepFields.length;
    return { steps, count: 1, inputSize: 0, outputSize: 0 };
  });
  const levels = products.flatMap((product, program) =>
    Array.from({ length: product.levels }, (_, level) => ({ program, level })),
  );
  return { image, programs: alone, levels, products };
}
