import { quantile } from '../../agent/quantile.ts';
import { readBundle } from '../../bundle/read-bundle.ts';
import { openEngine } from '../../engine/open-engine.ts';
import { formatTable } from '../../terminal/table.ts';
import { describeMachine } from './describe-machine.ts';
import { computeOwnOutputs, isBitEqual, type OwnOutputs } from './own-outputs.ts';
import { openEngineTarget, openHttpTarget, type SwapTarget } from './swap-target.ts';

export type SwapBenchOptions = {
  bundle: string;
  /** Path of the key that the bundle must be signed with. */
  publicKey?: string | undefined;
  /** The engine alone, or a whole agent over HTTP. */
  through: 'engine' | 'http';
  requests: number;
  inFlight: number;
  swapEveryMs: number;
  rounds: number;
};

export type SwapBenchResult = {
  machine: string;
  requests: number;
  errors: number;
  /** Answers that were not bit-equal to the named level's own. */
  different: number;
  swaps: number;
  /** By round: p99 latency while swapping, and with the same levels run in turn without a swap in between. */
  p99SwappingMs: number[];
  p99SteadyMs: number[];
  /** Median over the rounds of their quotients. */
  ratio: number;
};

type Burst = { latenciesMs: number[]; errors: number; different: number };

/** Sends `count` requests, `inFlight` at a time, and compares every answer with the named level's own. */
async function sendBurst(
  target: SwapTarget,
  reference: OwnOutputs,
  count: number,
  inFlight: number,
): Promise<Burst> {
  const burst: Burst = { latenciesMs: [], errors: 0, different: 0 };
  let next = 0;
  const client = async () => {
    while (next < count) {
      const which = next++ % reference.inputs.length;
      const startMs = performance.now();
      try {
        const { output, level } = await target.infer(reference.inputs[which]);
        burst.latenciesMs.push(performance.now() - startMs);
        if (!isBitEqual(output, reference.outputs[level][which])) burst.different += 1;
      } catch {
        burst.errors += 1;
      }
    }
  };
  await Promise.all(Array.from({ length: inFlight }, client));
  return burst;
}

/**
 * What a swap costs: rounds of requests while the level changes all the time, each beside a round of as many requests in which every
 * level runs an equal share undisturbed.
 */
export async function runSwapBench(options: SwapBenchOptions): Promise<SwapBenchResult> {
  const bundle = await readBundle(options.bundle, { publicKey: options.publicKey });
  const levels = bundle.manifest.levels.length;
  // From an engine of its own.
  const engine = await openEngine(bundle);
  const reference = await computeOwnOutputs(engine).finally(() => engine.close());
  const target = await (options.through === 'http' ? openHttpTarget(bundle) : openEngineTarget(bundle));
  try {
    const perRound = Math.ceil(options.requests / options.rounds);
    const result: Omit<SwapBenchResult, 'ratio'> = {
      machine: describeMachine(),
      requests: perRound * options.rounds,
      errors: 0,
      different: 0,
      swaps: 0,
      p99SwappingMs: [],
      p99SteadyMs: [],
    };
    const count = (burst: Burst) => {
      result.errors += burst.errors;
      result.different += burst.different;
    };
    for (let round = 0; round < options.rounds; round += 1) {
      const steady: number[] = [];
      for (let level = 0; level < levels; level += 1) {
        await target.setLevel(level);
        const burst = await sendBurst(target, reference, Math.ceil(perRound / levels), options.inFlight);
        count(burst);
        steady.push(...burst.latenciesMs);
      }
      let level = 0;
      const swapper = setInterval(() => {
        level = (level + 1) % levels;
        result.swaps += 1;
        target.setLevel(level).catch(() => {
          result.errors += 1;
        });
      }, options.swapEveryMs);
      const swapping = await sendBurst(target, reference, perRound, options.inFlight);
      clearInterval(swapper);
      count(swapping);
      result.p99SteadyMs.push(quantile(steady, 0.99));
      result.p99SwappingMs.push(quantile(swapping.latenciesMs, 0.99));
    }
    const ratios = result.p99SwappingMs.map((ms, round) => ms / result.p99SteadyMs[round]);
    return { ...result, ratio: quantile(ratios, 0.5) };
  } finally {
    await target.close();
  }
}

export function formatSwapBench(result: SwapBenchResult): string {
  const table = formatTable(
    [
      { head: 'round', align: 'right' },
      { head: 'p99 steady ms', align: 'right' },
      { head: 'p99 swapping ms', align: 'right' },
      { head: 'ratio', align: 'right' },
    ],
    result.p99SwappingMs.map((ms, round) => [
      String(round),
      result.p99SteadyMs[round].toFixed(3),
      ms.toFixed(3),
      (ms / result.p99SteadyMs[round]).toFixed(2),
    ]),
  );
  return `${result.machine}\n${result.requests} requests while swapping, ${result.swaps} swaps: ${result.errors} errors, ${result.different} answers differ\n\n${table}\n\nmedian ratio ${result.ratio.toFixed(2)}`;
}
