import { setTimeout as sleep } from 'node:timers/promises';
import type { TimedSwap } from '../drive/timed-swap.ts';
import type { Outcome, Response } from '../load/open-loop.ts';
import { runOpenLoop } from '../load/open-loop.ts';
import { summarize } from '../load/phase-statistics.ts';
import type { Stress } from '../stress/cpu-stress.ts';
import type { PhaseRow } from './phase-table.ts';

/** A stretch of time, with what loads the machine in it. */
export type Phase = {
  phase: string;
  durationS: number;
  /** What is done to the machine, for people; absent: nothing. */
  stress?: { what: string; start(): Stress | Promise<Stress> };
};

export type TrackOptions = {
  policy: string;
  phases: readonly Phase[];
  /** When each request is due, over all phases. */
  arrivalsMs: readonly number[];
  deadlineMs: number;
  levels: number;
  send: (index: number) => Promise<Response>;
  /** Those that were reported so far. */
  swaps: () => readonly TimedSwap[];
  say: (line: string) => void;
  signal: AbortSignal;
};

/** One policy through all phases, one after the other. All times are milliseconds from the track's start. */
export type Track = {
  policy: string;
  rows: PhaseRow[];
  /** `stress` is what was done to the machine; a stressed phase begins before its cause is started and ends before that is stopped. */
  phases: { phase: string; stress: string | undefined; startMs: number; endMs: number }[];
  outcomes: Outcome[];
  swaps: TimedSwap[];
};

async function runPhases(options: TrackOptions, nowMs: () => number, signal: AbortSignal) {
  const { policy, phases, say } = options;
  const spans: Track['phases'] = [];
  let dueMs = 0;
  for (const { phase, durationS, stress } of phases) {
    say(`${policy}, ${phase}: ${durationS} s, ${stress?.what ?? 'the machine is ours'}`);
    const startMs = spans.length === 0 ? 0 : nowMs();
    const started = await stress?.start();
    try {
      dueMs += durationS * 1000;
      await sleep(Math.max(0, dueMs - nowMs()), undefined, { signal });
      spans.push({ phase, stress: stress?.what, startMs, endMs: nowMs() });
    } finally {
      await started?.stop();
    }
  }
  return spans;
}

/** Sends one stream of requests without a pause through all phases. */
export async function runTrack(options: TrackOptions): Promise<Track> {
  const { policy, arrivalsMs, send } = options;
  const end = new AbortController();
  const signal = AbortSignal.any([options.signal, end.signal]);
  const startedAtMs = Date.now();
  const startMs = performance.now();
  const load = runOpenLoop({ arrivalsMs, send, signal });
  // Where a phase fails first, nobody waits for it any more.
  load.catch(() => {});
  try {
    const phases = await runPhases(options, () => performance.now() - startMs, signal);
    const outcomes = await load;
    const swaps = options.swaps().map((swap) => ({ ...swap, atMs: swap.atMs - startedAtMs }));
    const rows = phases.map(({ phase, startMs: from }, index) => {
      // Requests that are due while a stressor is being stopped belong to its phase.
      const to = phases[index + 1]?.startMs ?? Number.POSITIVE_INFINITY;
      const mine = outcomes.filter(({ dueMs }) => dueMs >= from && dueMs < to);
      const swapped = swaps.filter(({ atMs }) => atMs >= from && atMs < to).length;
      return { ...summarize(mine, options), policy, phase, swaps: swapped };
    });
    return { policy, rows, phases, outcomes, swaps };
  } catch (error) {
    end.abort(error);
    throw error;
  }
}
