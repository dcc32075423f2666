/** One turn of an event loop, seen by a timer. */
export type LoopTurn = {
  /** Between two calls of the timer. */
  gapMs: number;
  /** Time the thread ran meanwhile; undefined where the system does not tell. */
  ranMs: number | undefined;
  /** Time the thread was ready to run and other threads had the processors; undefined where the system does not tell. */
  waitedMs: number | undefined;
};

/** Why a turn was late. */
export type LoopDelay = {
  /** Beyond the timer's period. */
  lateMs: number;
  /** Of it, while the thread waited for a processor: nothing that its own code does would have helped. */
  notScheduledMs: number;
  /**
   * The rest: the thread's own work, calls in which it slept, and a machine that stood still, as a virtual one does. Too little by at most the
   * period, where the wait fell into that.
   */
  blockedMs: number;
  /** Of `blockedMs`, while the thread ran. */
  ownMs: number;
};

/** Splits the delay of a turn whose timer has the period `periodMs`; what the system does not tell counts as blocked. */
export function splitDelay({ gapMs, ranMs, waitedMs = 0 }: LoopTurn, periodMs: number): LoopDelay {
  const lateMs = Math.max(0, gapMs - periodMs);
  const notScheduledMs = Math.min(lateMs, Math.max(0, waitedMs));
  const blockedMs = lateMs - notScheduledMs;
  return { lateMs, notScheduledMs, blockedMs, ownMs: Math.min(blockedMs, ranMs ?? blockedMs) };
}
