import { cpus } from 'node:os';
import { quantile } from '../../agent/quantile.ts';
import { formatTable } from '../../terminal/table.ts';
import { type BackendChoice, chooseBackend } from '../../trainer/backend/open-backend.ts';
import { openData } from '../../trainer/data/open-data.ts';
import { completeSettings } from '../../trainer/settings.ts';
import { train } from '../../trainer/train.ts';
import { trainOptions } from '../../trainer/train-options.ts';

export type CostBenchOptions = {
  /** SPEC of the data. */
  data: string;
  net: string;
  /** The two lists of levels that are trained in turn. */
  levels: string;
  against: string;
  epochs: number;
  batch: number;
  rounds: number;
  backend: BackendChoice;
  signal: AbortSignal;
};

export type CostBenchResult = {
  machine: string;
  iterations: number;
  /** Seconds of training by round. */
  levelsSeconds: number[];
  againstSeconds: number[];
  /** Median over the rounds of their quotients. */
  ratio: number;
};

/** What several sub-nets cost: as many iterations with `levels` as with `against`, in turn, in either order. */
export async function runCostBench(options: CostBenchOptions): Promise<CostBenchResult> {
  const { levels, against, epochs, batch, rounds, signal } = options;
  const backend = chooseBackend(options.backend);
  const data = await openData(options.data);
  let iterations = 0;
  const time = async (list: string): Promise<number> => {
    let startMs = 0;
    let endMs = 0;
    const settings = completeSettings({ data: options.data, net: options.net, levels: list, epochs, batch });
    // From the first step on: starting the threads is no part of training.
    const onStep = (step: { iteration: number; iterations: number }) => {
      iterations = step.iterations;
      if (step.iteration === 0) startMs = performance.now();
      endMs = performance.now();
    };
    await train(data, trainOptions(settings, data, backend.name), { onStep, signal });
    return (endMs - startMs) / 1000;
  };
  const levelsSeconds: number[] = [];
  const againstSeconds: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    // In either order, so that a machine that warms up or slows down favours neither.
    if (round % 2 === 0) levelsSeconds.push(await time(levels));
    againstSeconds.push(await time(against));
    if (round % 2 === 1) levelsSeconds.push(await time(levels));
  }
  return {
    machine: `${cpus()[0]?.model ?? 'unknown CPU'}, ${cpus().length} cores`,
    iterations,
    levelsSeconds,
    againstSeconds,
    ratio: quantile(
      levelsSeconds.map((seconds, round) => seconds / againstSeconds[round]),
      0.5,
    ),
  };
}

export function formatCostBench(result: CostBenchResult, options: CostBenchOptions): string {
  const table = formatTable(
    [
      { head: 'round', align: 'right' },
      { head: `${options.levels} s`, align: 'right' },
      { head: `${options.against} s`, align: 'right' },
      { head: 'ratio', align: 'right' },
    ],
    result.levelsSeconds.map((seconds, round) => [
      String(round),
      seconds.toFixed(2),
      result.againstSeconds[round].toFixed(2),
      (seconds / result.againstSeconds[round]).toFixed(3),
    ]),
  );
  return `${result.machine}, ${result.iterations} iterations each\n\n${table}\n\nmedian ratio ${result.ratio.toFixed(3)}`;
}
