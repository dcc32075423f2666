import { cpus } from 'node:os';
import { join } from 'node:path';
import { makeFolder } from '../../../bundle/make-folder.ts';
import { writeFileAtomic } from '../../../bundle/write-file-atomic.ts';
import { snakeJson } from '../../../terminal/snake-json.ts';
import { openData } from '../../../trainer/data/open-data.ts';
import { svgDocument } from '../../../trainer/report/chart.ts';
import type { RunHooks } from '../../../trainer/run/run-training.ts';
import type { NewSettings, Settings } from '../../../trainer/settings.ts';
import { accuracyByMacs } from './ast-bench-charts.ts';
import { writeAstBenchPage } from './ast-bench-page.ts';
import { type DataIdentity, identify } from './data-identity.ts';
import { type FinishedRun, openFinishedRuns } from './finished-runs.ts';
import { type Method, methodsOf, type Setup, settingsFor, variationsOf } from './plan.ts';
import { mean } from './spread.ts';

export type AstBenchOptions = Setup & {
  seeds: number;
  /** Whether to vary AST's settings, too. */
  vary: boolean;
  /** Trains nothing: the result tells of the runs that are there, whichever those are. */
  finishedOnly?: boolean;
  /** Folder of the finished runs. */
  store: string;
};

export type MethodResult = {
  name: string;
  /** Mean accuracy over the levels on the held-out samples, for each rate that was tried with the first seed. */
  grid: { rate: number; validation: number }[];
  rate: number;
  /** By level, on the test split: of every seed. */
  test: number[][];
  /** Of all trainings of one seed together; seconds are the median over the seeds. */
  cost: { iterations: number; seconds: number; executedMacs: number };
  /** Share of the tensors that were compared whose gradients were in conflict; absent without correction. */
  conflicts?: number;
};

export type Variation = { name: string; validation: number[] };

export type AstBenchResult = {
  machine: string;
  setup: Omit<Setup, 'data'> & { data: DataIdentity; seeds: number };
  /** Multiply-accumulates on nonzero weights by level, of the first method's first run. */
  macs: number[];
  methods: MethodResult[];
  variations: Variation[];
};

const median = (values: number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

/**
 * Compares AST with its rivals on one net and data set: each method at the learning rate of its grid that is best on held-out samples,
 * then counted on the test split, for every seed. Writes `result.json`, `.html` and `.svg` after every method.
 */
export async function runAstBench(
  options: AstBenchOptions,
  hooks: RunHooks & { onNote: (line: string) => void },
): Promise<AstBenchResult> {
  const { store, seeds, vary, finishedOnly = false, ...setup } = options;
  await makeFolder(store);
  const data = identify(await openData(setup.data, { signal: hooks.signal }));
  const runs = await openFinishedRuns(store, data, hooks);
  const methods = methodsOf(setup);
  const result: AstBenchResult = {
    machine: `${cpus()[0]?.model ?? 'unknown CPU'}, ${cpus().length} cores`,
    setup: { ...setup, data, seeds },
    macs: [],
    methods: [],
    variations: [],
  };
  const save = async () => {
    await writeFileAtomic(join(store, 'result.svg'), svgDocument(accuracyByMacs(result)));
    await writeFileAtomic(join(store, 'result.html'), writeAstBenchPage(result));
    await writeFileAtomic(join(store, 'result.json'), `${snakeJson(result, 2)}\n`);
  };

  const obtain = async (what: string, settings: Settings): Promise<FinishedRun> => {
    if (!runs.has(settings))
      hooks.onNote(`${what}, levels ${settings.levels}, rate ${settings.lr}, seed ${settings.seed}`);
    return runs.obtain(settings);
  };
  const train = (method: Method, rate: number, seed: number) =>
    inTurn(method.trainings, (training) => obtain(method.name, settingsFor(training, rate, seed)));

  const isWanted = (trainings: NewSettings[], rate: number, seed: number) =>
    !finishedOnly || trainings.every((training) => runs.has(settingsFor(training, rate, seed)));

  for (const method of methods) {
    const grid: MethodResult['grid'] = [];
    for (const rate of method.rates.filter((wanted) => isWanted(method.trainings, wanted, 1))) {
      const trained = await train(method, rate, 1);
      grid.push({ rate, validation: mean(levelsOf(trained).map(({ validation }) => validation)) });
    }
    if (grid.length === 0) continue;
    const { rate } = grid.reduce((best, point) => (point.validation > best.validation ? point : best));
    const bySeed: FinishedRun[][] = [];
    for (let seed = 1; seed <= (method.oneSeed ? 1 : seeds); seed += 1)
      if (isWanted(method.trainings, rate, seed)) bySeed.push(await train(method, rate, seed));
    const perSeed = bySeed.map((trained) => levelsOf(trained).map(({ test }) => test));
    const costs = bySeed.map((trained) => trained.map(({ cost }) => cost));
    const sum = (values: number[]) => values.reduce((total, value) => total + value, 0);
    const corrections = bySeed.flat().map(({ correction }) => correction);
    const compared = sum(corrections.map(({ compared_tensors }) => compared_tensors));
    result.methods.push({
      name: method.name,
      grid,
      rate,
      test: setup.levels.map((_, level) => perSeed.map((accuracies) => accuracies[level])),
      cost: {
        iterations: sum(costs[0].map(({ iterations }) => iterations)),
        seconds: median(costs.map((cost) => sum(cost.map(({ seconds }) => seconds)))),
        executedMacs: sum(costs[0].map(({ executed_macs }) => executed_macs)),
      },
      ...(compared > 0
        ? { conflicts: sum(corrections.map(({ conflicting_tensors }) => conflicting_tensors)) / compared }
        : {}),
    });
    if (result.macs.length === 0) result.macs = bySeed[0][0].levels.map(({ macs }) => macs);
    await save();
  }
  const [, plain] = methods;
  const rate = result.methods.find(({ name }) => name === plain.name)?.rate;
  if (vary && rate !== undefined) {
    for (const { name, settings } of variationsOf(setup, plain.trainings[0])) {
      if (!isWanted([settings], rate, 1)) continue;
      const { levels } = await obtain(name, settingsFor(settings, rate, 1));
      const validation = levels.map((level) => level.validation).slice(-setup.levels.length);
      result.variations.push({ name, validation });
      await save();
    }
  }
  if (result.methods.length === 0)
    throw new Error(
      `Cannot tell of a comparison as "${store}" must hold finished runs of these settings; leave out --finished to train them`,
    );
  return result;
}

/** Of one training that has all levels, or of one for each. */
function levelsOf(trained: FinishedRun[]): FinishedRun['levels'] {
  return trained.flatMap(({ levels }) => levels);
}

/** Calls `work` for one after the other. */
async function inTurn<T, R>(values: T[], work: (value: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (const value of values) results.push(await work(value));
  return results;
}
