import { setTimeout as sleep } from 'node:timers/promises';
import type { Profile } from '../../../agent/profile/schema.ts';
import { addTallies, type Tally } from '../../load/closed-loop.ts';
import { describeMachine } from '../describe-machine.ts';
import type { MemoryTrend } from './memory-trend.ts';
import { openServedAgent } from './open-served-agent.ts';
import { type InFlight, type SoakLoad, startSoakLoad } from './soak-load.ts';
import { minuteOf, type SoakMinute, type SoakSecond, trendsOf } from './soak-minutes.ts';
import { type LoopWatch, type WatchedLoops, watchLoops } from './watch-loops.ts';

export type SoakBenchOptions = {
  /** Folder of the bundle. */
  bundle: string;
  profile: Profile;
  seconds: number;
  /** The load before anything but its answers is counted, so that code is compiled and connections are open. */
  warmUpSeconds: number;
  inFlight: InFlight;
  /** Folder that holds `proc/`. */
  root: string;
  signal: AbortSignal;
  onProgress?: (text: string) => void;
};

export type SoakBenchResult = WatchedLoops & {
  machine: string;
  seconds: number;
  warmUpSeconds: number;
  deadlineMs: number;
  inFlight: InFlight;
  minutes: SoakMinute[];
  /** Of the warm-up too. */
  requests: Tally;
  swaps: number;
  /** Of the agent's process: all of it, and what collections leave of its heap. */
  memory: { rss: MemoryTrend; heapLeft: MemoryTrend } | undefined;
};

/**
 * An agent under more requests than it can answer, by HTTP from another process and by the library from its own: whether its memory stays as it
 * is, how long its event loop is held up, and by what, and whether every answer is right.
 */
export async function runSoakBench(options: SoakBenchOptions): Promise<SoakBenchResult> {
  const { profile, seconds, warmUpSeconds, inFlight, root, signal, onProgress = () => {} } = options;
  let swaps = 0;
  const onSwap = () => {
    swaps += 1;
  };
  const served = await openServedAgent({ ...options, onSwap });
  let load: SoakLoad | undefined;
  let watch: LoopWatch | undefined;
  try {
    load = await startSoakLoad(served, inFlight);
    await sleep(1000 * warmUpSeconds, undefined, { signal });
    let requests = await load.takeTally();
    swaps = 0;
    watch = watchLoops(root);
    const sampled: SoakSecond[] = [];
    const minutes: SoakMinute[] = [];
    const startMs = performance.now();
    for (let atS = 1; atS <= seconds; atS += 1) {
      await sleep(startMs + atS * 1000 - performance.now(), undefined, { signal });
      const tally = await load.takeTally();
      requests = addTallies(requests, tally);
      const { rss: rssBytes, heapUsed: heapBytes } = process.memoryUsage();
      sampled.push({ atS, swaps, rssBytes, heapBytes, ...tally });
      swaps = 0;
      if (atS % 60 === 0 || atS === seconds)
        minutes.push(minuteOf(sampled.slice(60 * minutes.length), watch.take()));
      onProgress(`${atS} of ${seconds} s`);
    }
    return {
      machine: describeMachine(),
      seconds,
      warmUpSeconds,
      deadlineMs: profile.deadlineMs,
      inFlight,
      minutes,
      requests,
      swaps: minutes.reduce((sum, minute) => sum + minute.swaps, 0),
      memory: trendsOf(sampled),
      ...(await watch.end()),
    };
  } finally {
    await watch?.stop();
    // It cannot, where the clients' process has died: that has been told by then.
    await load?.stop().catch(() => {});
    await served.close();
  }
}
