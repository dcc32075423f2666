import { quantile } from '../../agent/quantile.ts';
import type { Outcome } from './open-loop.ts';

/** A phase of an experiment in numbers. */
export type PhaseStatistics = {
  requests: number;
  errors: number;
  /** What the first request that failed was told; absent: none failed. */
  firstError?: string;
  /** Share of all requests that were answered within the deadline; an error is a miss. */
  deadlineHits: number;
  latencyP50Ms: number;
  latencyP99Ms: number;
  /** How much later than it was due a request was sent: the load generator's own part of the latencies. */
  lateP99Ms: number;
  /** Share of the answered requests, by level. */
  levelShare: number[];
  /** Share of right answers among the images of answered requests. */
  accuracy: number;
};

export function summarize(
  outcomes: Outcome[],
  options: { deadlineMs: number; levels: number },
): PhaseStatistics {
  const answered = outcomes.filter((outcome) => outcome.error === undefined);
  const latencies = answered.map((outcome) => outcome.latencyMs);
  const tail = (values: number[], q: number) => (values.length === 0 ? Number.NaN : quantile(values, q));
  const sum = (pick: (outcome: Outcome) => number) =>
    answered.reduce((total, outcome) => total + pick(outcome), 0);
  const images = sum((outcome) => outcome.images);
  const firstError = outcomes.find(({ error }) => error !== undefined)?.error;
  return {
    requests: outcomes.length,
    errors: outcomes.length - answered.length,
    ...(firstError === undefined ? {} : { firstError }),
    deadlineHits:
      latencies.filter((latencyMs) => latencyMs <= options.deadlineMs).length / Math.max(1, outcomes.length),
    latencyP50Ms: tail(latencies, 0.5),
    latencyP99Ms: tail(latencies, 0.99),
    lateP99Ms: tail(
      outcomes.map((outcome) => outcome.lateMs),
      0.99,
    ),
    levelShare: Array.from(
      { length: options.levels },
      (_, level) =>
        answered.filter((outcome) => outcome.level === level).length / Math.max(1, answered.length),
    ),
    accuracy: images === 0 ? Number.NaN : sum((outcome) => outcome.correct) / images,
  };
}
