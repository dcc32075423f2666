import { quantile } from '../../agent/quantile.ts';
import { formatTable } from '../../terminal/table.ts';
import { type BackendChoice, chooseBackend } from '../../trainer/backend/open-backend.ts';
import { openData } from '../../trainer/data/open-data.ts';
import { completeSettings } from '../../trainer/settings.ts';
import { iterationsOf, train } from '../../trainer/train.ts';
import { trainOptions } from '../../trainer/train-options.ts';
import { describeMachine } from './describe-machine.ts';
import { holdTraining } from './held-training.ts';
import { takeTurns } from './take-turns.ts';

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

/** Steps of a turn: a multiple of any number of levels up to 4, so that each level has its share of every turn. */
const turnSteps = 12;

/**
 * What several sub-nets cost: as many iterations of AST and of joint training with all levels as of a single run, side by side,
 * `turnSteps` steps of each in turn. The start of the workers and the end (norm statistics) are not counted.
 */
export async function runCostBench(options: CostBenchOptions): Promise<CostBenchResult> {
  const { data: spec, net, levels, against, epochs, batch, rounds } = options;
  const backend = chooseBackend(options.backend);
  const data = await openData(spec, { signal: options.signal });
  const contestants = [
    { name: `single ${against}`, training: { levels: against, method: 'single' }, seconds: [] as number[] },
    { name: `AST ${levels}`, training: { levels, method: 'ast' }, seconds: [] as number[] },
    { name: `joint ${levels}`, training: { levels, method: 'joint' }, seconds: [] as number[] },
  ] as const;
  let iterations = 0;
  for (let round = 0; round < rounds; round += 1) {
    const end = new AbortController();
    const signal = AbortSignal.any([options.signal, end.signal]);
    const held = contestants.map(({ training }) => {
      const settings = completeSettings({ data: spec, net, epochs, batch, seed: round + 1, ...training });
      const chosen = trainOptions(settings, data, backend.name);
      iterations = iterationsOf(data, chosen);
      if (iterations <= 2 * turnSteps)
        throw new RangeError(
          `Cannot time the trainings as they must take more than ${2 * turnSteps} steps: current value is ${iterations}; raise --epochs or lower --batch`,
        );
      return holdTraining((hooks) => train(data, chosen, hooks), turnSteps, signal);
    });
    try {
      const turns = await takeTurns(held);
      for (const [index, { seconds }] of contestants.entries())
        seconds.push(turns[index].slice(1, -1).reduce((sum, value) => sum + value, 0));
    } finally {
      // Where one failed, the others are still held.
      end.abort();
    }
  }
  const [single] = contestants;
  return {
    machine: describeMachine(),
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
