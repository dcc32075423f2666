import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';
import type { SchedulerClock } from './scheduler-clock.ts';
import { type LoopDelay, type LoopTurn, splitDelay } from './split-delay.ts';

/** How late an event loop was over some time. */
export type LoopDelays = {
  lateMaxMs: number;
  lateP999Ms: number;
  blockedMaxMs: number;
  blockedP999Ms: number;
  /** The most that one turn's own work took beyond the timer's period. */
  ownMaxMs: number;
  /** Sum over all turns. */
  notScheduledMs: number;
};

/** A turn that its own code held up. */
export type LongTurn = LoopTurn & LoopDelay & { atS: number };

export type LoopProbe = {
  /** Of the time since the last call. */
  take(): LoopDelays;
  /** Of all the time so far. */
  readonly total: LoopDelays;
  /** Those that were blocked longest, the longest first. */
  readonly longest: readonly LongTurn[];
  stop(): void;
};

/** Late by a tenth of what is looked for, and little work: a reading of the scheduler's clock takes some microseconds. */
const periodMs = 2;
const keptTurns = 5;

/** Watches the event loop of the thread that calls this by a timer; memory is bounded however long. */
export function startLoopProbe(clock: SchedulerClock, monotonicMs: () => number): LoopProbe {
  const startMs = monotonicMs();
  const total = createDelays();
  const recent = createDelays();
  const longest: LongTurn[] = [];
  let lastMs = startMs;
  let last = clock.read();

  function keep(turn: LongTurn): void {
    if (longest.length === keptTurns && turn.blockedMs <= (longest.at(-1)?.blockedMs ?? 0)) return;
    longest.push(turn);
    longest.sort((a, b) => b.blockedMs - a.blockedMs);
    longest.length = Math.min(longest.length, keptTurns);
  }

  const timer = setInterval(() => {
    const nowMs = monotonicMs();
    const now = clock.read();
    const turn: LoopTurn = {
      gapMs: nowMs - lastMs,
      ranMs: now && last && now.ranMs - last.ranMs,
      waitedMs: now && last && now.waitedMs - last.waitedMs,
    };
    lastMs = nowMs;
    last = now;
    const delay = splitDelay(turn, periodMs);
    total.add(delay);
    recent.add(delay);
    keep({ ...turn, ...delay, atS: (nowMs - startMs) / 1000 });
  }, periodMs);

  return {
    take() {
      const taken = recent.read();
      recent.reset();
      return taken;
    },
    get total() {
      return total.read();
    },
    longest,
    stop: () => clearInterval(timer),
  };
}

/** Counts delays in microseconds, which a histogram takes from 1 on. */
function createDelays(): { add(delay: LoopDelay): void; read(): LoopDelays; reset(): void } {
  const late = createHistogram();
  const blocked = createHistogram();
  let ownMaxMs = 0;
  let notScheduledMs = 0;
  const record = (histogram: RecordableHistogram, ms: number) =>
    histogram.record(Math.max(1, Math.round(ms * 1000)));
  return {
    add(delay) {
      record(late, delay.lateMs);
      record(blocked, delay.blockedMs);
      ownMaxMs = Math.max(ownMaxMs, delay.ownMs);
      notScheduledMs += delay.notScheduledMs;
    },
    read: () => ({
      lateMaxMs: late.max / 1000,
      lateP999Ms: late.percentile(99.9) / 1000,
      blockedMaxMs: blocked.max / 1000,
      blockedP999Ms: blocked.percentile(99.9) / 1000,
      ownMaxMs,
      notScheduledMs,
    }),
    reset() {
      late.reset();
      blocked.reset();
      ownMaxMs = 0;
      notScheduledMs = 0;
    },
  };
}
