import type { Observation } from '../decide/policy.ts';
import { quantile } from '../quantile.ts';

/** Answers kept for decisions, and latencies kept for one window's percentiles. */
const keptObservations = 256;
const keptLatencies = 8192;
const rateWindowMs = 5000;
const rateBucketMs = 250;

/** What happened since the last call of `takeWindow`. */
export type StatsWindow = {
  windowMs: number;
  requests: number;
  deadlineHits: number;
  latencyP50Ms: number | null;
  latencyP99Ms: number | null;
  /** Answers of each level. */
  byLevel: number[];
  rejected: number;
};

export type RequestStats = {
  /** Notes that a request of `inputs` inputs has come, whatever becomes of it. */
  arrived(inputs: number): void;
  answered(observation: Observation): void;
  rejected(): void;
  /** The last answers, oldest first. */
  readonly observations: readonly Observation[];
  /** Inputs that came per second over the last seconds. */
  inputsPerS(): number;
  takeWindow(): StatsWindow;
};

/** Counts requests for decisions (the last answers) and telemetry (windows); memory is bounded whatever the rate. */
export function createRequestStats(options: { levels: number; monotonicMs: () => number }): RequestStats {
  const { levels, monotonicMs } = options;
  const startMs = monotonicMs();
  const observations: Observation[] = [];
  const buckets = new Map<number, number>();
  const emptyWindow = () => ({
    startMs: monotonicMs(),
    requests: 0,
    deadlineHits: 0,
    latenciesMs: [] as number[],
    byLevel: new Array<number>(levels).fill(0),
    rejected: 0,
  });
  let window = emptyWindow();

  function prune(nowMs: number): void {
    for (const bucket of buckets.keys()) {
      if (bucket * rateBucketMs >= nowMs - rateWindowMs) break;
      buckets.delete(bucket);
    }
  }

  return {
    observations,
    arrived(inputs) {
      const nowMs = monotonicMs();
      const bucket = Math.floor(nowMs / rateBucketMs);
      prune(nowMs);
      buckets.set(bucket, (buckets.get(bucket) ?? 0) + inputs);
    },
    answered(observation) {
      observations.push(observation);
      if (observations.length > keptObservations) observations.shift();
      window.requests += 1;
      window.byLevel[observation.level] += 1;
      if (observation.latencyMs <= observation.deadlineMs) window.deadlineHits += 1;
      // Beyond the bound the newest takes the place of the oldest: the percentiles are then of the window's end.
      window.latenciesMs[(window.requests - 1) % keptLatencies] = observation.latencyMs;
    },
    rejected() {
      window.rejected += 1;
    },
    inputsPerS() {
      const nowMs = monotonicMs();
      prune(nowMs);
      const spanMs = Math.min(rateWindowMs, Math.max(rateBucketMs, nowMs - startMs));
      return ([...buckets.values()].reduce((sum, inputs) => sum + inputs, 0) / spanMs) * 1000;
    },
    takeWindow() {
      const { startMs: windowStartMs, latenciesMs, ...counts } = window;
      window = emptyWindow();
      const at = (q: number) => (latenciesMs.length > 0 ? quantile(latenciesMs, q) : null);
      return {
        windowMs: window.startMs - windowStartMs,
        ...counts,
        latencyP50Ms: at(0.5),
        latencyP99Ms: at(0.99),
      };
    },
  };
}
