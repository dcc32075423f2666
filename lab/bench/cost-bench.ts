import { cpus } from 'node:os';
import { quantile } from '../../agent/quantile.ts';
import { formatTable } from '../../terminal/table.ts';
import { openData } from '../../trainer/data/open-data.ts';
import { nets } from '../../trainer/net/nets.ts';
import { train } from '../../trainer/train.ts';

export type CostBenchOptions = {
  /** SPEC of the data. */
  data: string;
  net: string;
  /** The two lists of sparsities that are trained in turn. */
  levels: number[];
  against: number[];
  epochs: number;
  batch: number;
  rounds: number;
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
  const data = await openData(options.data);
  const makeNet = nets[options.net];
  const graph = makeNet({ input: [data.height, data.width, data.channels], classes: data.labels.length });
  let iterations = 0;
  const time = async (sparsities: number[]): Promise<number> => {
    let startMs = 0;
    let endMs = 0;
    const setting = { graph, sparsities, epochs, batch, granularity: 'element', correction: true } as const;
    // From the first step on: starting the threads is no part of training.
    const onStep = (step: { iteration: number; iterations: number }) => {
      iterations = step.iterations;
      if (step.iteration === 0) startMs = performance.now();
      endMs = performance.now();
    };
    await train(data, { ...setting, backend: 'wasm', seed: 1 }, { onStep, signal });
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
      { head: `${options.levels.join()} s`, align: 'right' },
      { head: `${options.against.join()} s`, align: 'right' },
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
