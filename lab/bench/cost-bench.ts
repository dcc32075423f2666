import { cpus } from 'node:os';
import { quantile } from '../../agent/quantile.ts';
import { formatTable } from '../../terminal/table.ts';
import { type BackendChoice, chooseBackend } from '../../trainer/backend/open-backend.ts';
import { openData } from '../../trainer/data/open-data.ts';
import { completeSettings, type NewSettings } from '../../trainer/settings.ts';
import { train } from '../../trainer/train.ts';
import { trainOptions } from '../../trainer/train-options.ts';

export type CostBenchOptions = {
  /** SPEC of the data. */
  data: string;
  net: string;
  /** Levels of AST and joint training. */
  levels: string;
  /** The level of the single run. */
  against: string;
  epochs: number;
  batch: number;
  rounds: number;
  backend: BackendChoice;
  signal: AbortSignal;
};

/** One training that is timed. */
export type CostRow = {
  name: string;
  /** Of training, by round. */
  seconds: number[];
  /** Median over the rounds of its seconds over the single run's. */
  ratio: number;
};

export type CostBenchResult = { machine: string; backend: string; iterations: number; rows: CostRow[] };

/**
 * What several sub-nets cost: as many iterations of AST and of joint training with all levels as of a single run, in turn, in
 * either order. Without evaluation and export.
 */
export async function runCostBench(options: CostBenchOptions): Promise<CostBenchResult> {
  const { data: spec, net, levels, against, epochs, batch, rounds, signal } = options;
  const backend = chooseBackend(options.backend);
  const data = await openData(spec);
  let iterations = 0;
  const time = async (training: Pick<NewSettings, 'levels' | 'method'>): Promise<number> => {
    let startMs = 0;
    let endMs = 0;
    const settings = completeSettings({ data: spec, net, epochs, batch, ...training });
    // From the first step's end on: starting the workers and their first step are no part of training.
    const onStep = (step: { iteration: number; iterations: number }) => {
      iterations = step.iterations;
      if (step.iteration === 0) startMs = performance.now();
      endMs = performance.now();
    };
    await train(data, trainOptions(settings, data, backend.name), { onStep, signal });
    return (endMs - startMs) / 1000;
  };
  const contestants = [
    { name: `single ${against}`, training: { levels: against, method: 'single' }, seconds: [] as number[] },
    { name: `AST ${levels}`, training: { levels, method: 'ast' }, seconds: [] as number[] },
    { name: `joint ${levels}`, training: { levels, method: 'joint' }, seconds: [] as number[] },
  ] as const;
  for (let round = 0; round < rounds; round += 1) {
    // In either order, so that a machine that warms up or slows down favours nobody.
    for (const { training, seconds } of round % 2 === 0 ? contestants : contestants.toReversed())
      seconds.push(await time(training));
  }
  const [single] = contestants;
  return {
    machine: `${cpus()[0]?.model ?? 'unknown CPU'}, ${cpus().length} cores`,
    backend: backend.name,
    iterations,
    rows: contestants.map(({ name, seconds }) => ({
      name,
      seconds,
      ratio: quantile(
        seconds.map((value, round) => value / single.seconds[round]),
        0.5,
      ),
    })),
  };
}

export function formatCostBench({ machine, backend, iterations, rows }: CostBenchResult): string {
  const table = formatTable(
    [
      { head: 'training' },
      ...rows[0].seconds.map((_, round) => ({ head: `round ${round}`, align: 'right' as const })),
      { head: 'ratio', align: 'right' },
    ],
    rows.map(({ name, seconds, ratio }) => [
      name,
      ...seconds.map((value) => `${value.toFixed(1)} s`),
      ratio.toFixed(3),
    ]),
  );
  return `${iterations} iterations each, back end ${backend}; ${machine}\n\n${table}\n\nratio: median over the rounds of the seconds over the single run's`;
}
