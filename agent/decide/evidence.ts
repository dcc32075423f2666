import { quantile } from '../quantile.ts';
import { chanceOfMisses, type Observation, type PolicyInput } from './policy.ts';

/** Answers that count as evidence: this young, but at least `fewest` of them if they are not older than `oldestMs`. */
const windowMs = 5000;
const fewest = 16;
const oldestMs = 60_000;
/** Answers that tell what now is like. */
const recentMs = 1500;
const fewestRecent = 8;
/** Requests that began so soon after a swap may stand behind the old level's backlog. */
const settleMs = 200;
/** Misses are evidence where chance alone would bring as many in 1% of windows. */
const significance = 0.01;
/**
 * The newest so many are looked at by themselves too: among hundreds of hits from before the first misses of a change drown. As this is
 * asked again at each miss, and of several windows, chance must be the rarer here.
 */
const newestWindows = [16, 32, 64, 128];
const newestSignificance = 0.001;

/** What the requests since the last swap tell of the deadline. */
export type Evidence = {
  /** Those answered not long ago, and those overdue. */
  told: number;
  metShare: number;
  /** Of the answers not long ago, those computed by a sparser level than the active one. */
  relieved: number;
  /** More misses than chance allows for the goal. */
  isFailing: boolean;
  deadlineMs: number;
  /** Inputs in a request. */
  batch: number;
};

const isLate = (one: Observation) => one.latencyMs > one.deadlineMs;

export function gatherEvidence(input: PolicyInput, swapMs: number | undefined): Evidence {
  const { nowMs, observations, pending, goal, calibration } = input;
  const sinceMs = swapMs === undefined ? Number.NEGATIVE_INFINITY : swapMs + settleMs;
  const ageMs = ({ startMs, latencyMs }: Observation) => nowMs - startMs - latencyMs;
  const mine = observations.filter(
    ({ startMs, isPinned }) => !isPinned && startMs >= sinceMs && nowMs - startMs <= oldestMs,
  );
  const young = mine.filter((one) => ageMs(one) <= windowMs);
  const seen = young.length >= fewest ? young : mine.slice(-fewest);
  const newest = seen.filter((one) => ageMs(one) <= recentMs);
  const recent = newest.length >= fewestRecent ? newest : seen.slice(-fewestRecent);
  const overdue = pending.filter(
    ({ startMs, deadlineMs }) => startMs >= sinceMs && nowMs - startMs > deadlineMs,
  ).length;
  const isBeyondChance = (answers: readonly Observation[], level: number) => {
    const misses = answers.filter(isLate).length + overdue;
    return misses >= 2 && chanceOfMisses(misses, answers.length + overdue, 1 - goal) < level;
  };
  const told = recent.length + overdue;
  const median = (of: (one: Observation) => number, otherwise: number) =>
    recent.length > 0 ? quantile(recent.map(of), 0.5) : otherwise;
  return {
    told,
    metShare: told > 0 ? recent.filter((one) => !isLate(one)).length / told : 1,
    relieved: recent.filter(({ level }) => level !== input.level).length,
    isFailing:
      isBeyondChance(seen, significance) ||
      newestWindows.some(
        (count) => count < seen.length && isBeyondChance(seen.slice(-count), newestSignificance),
      ),
    deadlineMs: median(({ deadlineMs }) => deadlineMs, input.deadlineMs),
    batch: median(({ batch }) => batch, calibration.batch),
  };
}
