import { compareAccuracy, type LevelAccuracy, shareOf } from '../../bundle/level-accuracy.ts';
import type { Calibration } from '../calibrate/calibration.ts';

/** A level must be faster by this share than the rung above, else going down to it gains nothing but noise. */
const leastGain = 0.05;

/**
 * The levels worth choosing, most accurate first, each faster than the one before: those that are faster than every more accurate one. A level is
 * more accurate than another if the interval of their difference says so; if the counts are too small for that, the denser one is. Accuracies
 * without a count are taken as exact, and of equal ones the faster level is chosen. Where any accuracy is unknown the index stands for it.
 */
export function buildLadder(calibration: Calibration, accuracy: readonly LevelAccuracy[]): number[] {
  const levels = calibration.levels.map(({ level, p50Ms }) => ({
    level,
    p50Ms,
    share: shareOf(accuracy[level]),
  }));
  type Entry = (typeof levels)[number];
  const known = levels.every(({ share }) => share !== null);
  const isBetter = (one: Entry, other: Entry): boolean => {
    const found = known ? compareAccuracy(accuracy[one.level], accuracy[other.level]) : 'unclear';
    if (found === 'equal')
      return one.p50Ms < other.p50Ms || (one.p50Ms === other.p50Ms && one.level < other.level);
    return found === 'more' || (found === 'unclear' && one.level < other.level);
  };
  const beats = (one: Entry, other: Entry) =>
    isBetter(one, other) && other.p50Ms >= one.p50Ms * (1 - leastGain);
  const worth = ({ level, share }: Entry) => (known ? (share ?? 0) : -level);
  // "Better" is no order, as counts may be too small for two steps and enough for both together: each level meets those that are in already.
  let ladder: Entry[] = [];
  for (const entry of levels.sort((a, b) => worth(b) - worth(a) || a.p50Ms - b.p50Ms || a.level - b.level)) {
    if (ladder.some((one) => beats(one, entry))) continue;
    ladder = [...ladder.filter((one) => !beats(entry, one)), entry];
  }
  return ladder.sort((a, b) => b.p50Ms - a.p50Ms).map(({ level }) => level);
}

/**
 * For a goal of accuracy: the ladder from its level of least energy that reaches the goal, so that what is denser is not chosen. Energy is the
 * calibrated one where every level has it, else latency stands for it. An accuracy is held against the goal as it was counted. Unchanged where no level reaches the goal or accuracies are unknown.
 */
export function fromLeastEnergy(
  ladder: readonly number[],
  calibration: Calibration,
  accuracy: readonly LevelAccuracy[],
  goal: number,
): number[] {
  const { levels } = calibration;
  const isMeasured = ladder.every((level) => levels[level].energyMj !== undefined);
  const energy = (level: number) => (isMeasured ? (levels[level].energyMj ?? 0) : levels[level].p50Ms);
  const enough = ladder.filter((level) => (shareOf(accuracy[level]) ?? Number.NEGATIVE_INFINITY) >= goal);
  if (enough.length === 0) return [...ladder];
  const least = enough.reduce((best, level) => (energy(level) < energy(best) ? level : best));
  return ladder.slice(ladder.indexOf(least));
}
