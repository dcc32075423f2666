import { quantile } from '../../../agent/quantile.ts';
import { addTallies, emptyTally, type Tally } from '../../load/closed-loop.ts';
import type { LoopDelays } from './loop-probe.ts';
import { type MemoryTrend, memoryTrend } from './memory-trend.ts';

/** What is looked at once a second. */
export type SoakSecond = Tally & { atS: number; swaps: number; rssBytes: number; heapBytes: number };

/** A minute of the load, or what was left for the last one. */
export type SoakMinute = LoopDelays &
  Tally & {
    seconds: number;
    swaps: number;
    /** Medians over the seconds, of the agent's process. */
    rssBytes: number;
    heapBytes: number;
  };

export function minuteOf(seconds: readonly SoakSecond[], loop: LoopDelays): SoakMinute {
  const median = (pick: (second: SoakSecond) => number) => quantile(seconds.map(pick), 0.5);
  return {
    seconds: seconds.length,
    ...seconds.reduce<Tally>(addTallies, emptyTally()),
    swaps: seconds.reduce((sum, { swaps }) => sum + swaps, 0),
    rssBytes: median(({ rssBytes }) => rssBytes),
    heapBytes: median(({ heapBytes }) => heapBytes),
    ...loop,
  };
}

/** The memory of a process grows until its heap has found its size: a fifth of the run, at most a minute, tells nothing of its trend. */
const growthS = (seconds: number) => Math.min(60, seconds / 5);

/** The least that was seen of a heap is about what a collection leaves. */
const leftByCollection = 0;

/** Where the memory of the agent's process goes; undefined where the run was too short to tell. */
export function trendsOf(
  seconds: readonly SoakSecond[],
): { rss: MemoryTrend; heapLeft: MemoryTrend } | undefined {
  const counted = seconds.filter(({ atS }) => atS > growthS(seconds.length));
  if (counted.length < 2) return undefined;
  return {
    rss: memoryTrend(counted.map(({ atS, rssBytes: bytes }) => ({ atS, bytes }))),
    heapLeft: memoryTrend(
      counted.map(({ atS, heapBytes: bytes }) => ({ atS, bytes })),
      leftByCollection,
    ),
  };
}
