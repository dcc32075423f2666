/** The monitor's two views of time. */
export type Clock = {
  /** Milliseconds that a step of the system clock (NTP, a person) does not change: ages are differences of these. */
  nowMs(): number;
  /** Milliseconds since 1970 for a time of `nowMs`, by the system clock as it is set now. */
  wallMs(ms: number): number;
};

/** Smaller differences between the clocks are drift: shown times would flicker if it were followed. */
const stepMs = 1000;

/** A monotonic clock that also gives wall times for people. */
export function createClock(options: { wallNowMs?: () => number; monotonicMs?: () => number } = {}): Clock {
  const wallNowMs = options.wallNowMs ?? Date.now;
  const nowMs = options.monotonicMs ?? (() => performance.now());
  let offsetMs = wallNowMs() - nowMs();
  return {
    nowMs,
    wallMs(ms) {
      const current = wallNowMs() - nowMs();
      if (Math.abs(current - offsetMs) >= stepMs) offsetMs = current;
      return Math.round(ms + offsetMs);
    },
  };
}
