import type { Calibration } from '../calibrate/calibration.ts';
import { chanceWithin, overheadOf, type Predictor, predictRun } from './predictor.ts';

type Due = { dueMs: number; batch: number };

/** A request that is about to be handed to the engine. */
export type ReliefInput = {
  nowMs: number;
  calibration: Calibration;
  predictor: Predictor;
  goal: number;
  /** Levels that may run, the active one first, then sparser ones. */
  levels: readonly number[];
  /** The sparsest level that others may run at. Default: the last of `levels`. */
  sparsest?: number | undefined;
  request: Due & { minAccuracy?: number | undefined };
  /** The run that stands before it with the engine, since when; its level where it is not the active one. */
  ahead: { level: number | undefined; batch: number; sinceMs: number } | undefined;
  /** Those that wait behind it, in their order. */
  behind: readonly Due[];
  /** Of a request that may come. */
  deadlineMs: number;
  inputsPerS: number;
  threads?: number | undefined;
};

/** So many of those that wait are looked at: who stands farther back is not saved by this run's choice. */
export const furthest = 16;
/** Runs behind are expected at their mean and so many standard deviations. */
const caution = 1.5;

/**
 * The level for one request: the most accurate one, from the active one on, whose chance of meeting the request's deadline after all that
 * it has waited and will wait reaches the goal, and that keeps nobody behind it from the deadline that the sparsest level would meet for
 * them. A queue is so relieved by a few sparser answers, without a swap. The sparsest level where there is none.
 */
export function chooseForRequest(input: ReliefInput): number {
  const { nowMs, calibration, predictor, goal, levels, request, behind, inputsPerS, threads } = input;
  const last = levels[levels.length - 1];
  if (levels.length === 1) return last;
  const predict = (level: number, batch: number) =>
    predictRun(predictor, calibration, { level, batch, nowMs, threads });
  const ahead = input.ahead ? predict(input.ahead.level ?? levels[0], input.ahead.batch) : undefined;
  const aheadMs = ahead && input.ahead ? Math.max(0, ahead.meanMs - (nowMs - input.ahead.sinceMs)) : 0;
  const overheadMs = overheadOf(predictor);
  const leftMs = ({ dueMs }: Due) => dueMs - nowMs - overheadMs;
  const shortest = predict(input.sparsest ?? last, request.batch);
  const fastMs = shortest.meanMs + caution * shortest.sdMs;

  /** Of those behind, at the sparsest level: how much later than after its own run each may begin. */
  const spare = behind.slice(0, furthest).map((one, index) => leftMs(one) - aheadMs - fastMs * (index + 1));

  for (const level of levels) {
    const run = predict(level, request.batch);
    const budgetMs = leftMs(request) - aheadMs;
    // Who comes right after the run has begun waits for all of it.
    const criticalMs = Math.max(0, run.meanMs + fastMs - input.deadlineMs);
    const nobodyComes = Math.exp(-(inputsPerS / 1000 / request.batch) * criticalMs);
    if (chanceWithin(run, budgetMs) * nobodyComes < goal) continue;
    const longMs = run.meanMs + caution * run.sdMs;
    if (spare.every((ms) => ms < fastMs || ms >= longMs)) return level;
  }
  return last;
}
