import type { LevelAccuracy } from '../../bundle/level-accuracy.ts';
import { type Calibration, threadCounts } from '../calibrate/calibration.ts';
import { type Block, retryDwellMs, stands } from './block.ts';
import { type Evidence, gatherEvidence } from './evidence.ts';
import { buildLadder, fromLeastEnergy } from './ladder.ts';
import { mostShare } from './load-share.ts';
import type { Decision, MachineLoad, PolicyInput } from './policy.ts';
import {
  chanceWithin,
  observe,
  overheadOf,
  type Predictor,
  predictRun,
  slowdownNow,
  slowdownOfLevel,
  startPredictor,
} from './predictor.ts';

/** For a denser level a prediction must leave this share of the deadline free. */
const margin = 0.05;
/** The active level is left for a prediction of so many times the misses that the goal allows: in between is the dead band. */
const toleratedMisses = 2;
/** So many decisions in a row must find that the active level does not fit: a moment's slowdown is relieved request by request. */
const unfitDecisions = 2;
/** The active level is left where it would answer less than the first share of requests, the others being relieved, and taken where it would answer more than the second. */
const leastShare = 0.25;
/** Where requests already miss, the next level must bear nearly all of them by itself: a queue that relief alone keeps short is never far from a miss. */
const leastShareFailing = 0.9;
const shareForUp = 0.4;
/** Where a smaller share of deadlines is met, a prediction that the goal is reached is disproved. */
const believable = 0.95;
/** So many recent answers say how many of them were relieved. */
const fewestRelieved = 4;

export type DeadlineState = {
  predictor: Predictor;
  swapMs: number | undefined;
  /** Consecutive decisions that found the active level unfit. */
  unfit: number;
  /** Consecutive decisions that found `level`, or a more accurate one, fit. */
  streak: { level: number; count: number } | undefined;
  /** By level. */
  blocks: Readonly<Record<number, Block>>;
};

const percent = (share: number) => `${Math.round(share * 100)}%`;
const ms = (value: number) => `${value >= 100 ? Math.round(value) : value.toFixed(1)} ms`;

function describeLoad({ cpuBusy, cpuOthers, psiCpuSome }: MachineLoad): string {
  const parts = [
    ...(cpuBusy === undefined ? [] : [`cpu ${percent(cpuBusy)} busy`]),
    ...(cpuOthers === undefined ? [] : [`others use ${percent(cpuOthers)}`]),
    ...(psiCpuSome === undefined ? [] : [`tasks wait for cpu ${percent(psiCpuSome)} of the time`]),
  ];
  return parts.length > 0 ? `${parts.join(', ')}; ` : '';
}

function describeMet(level: number, { told, metShare, relieved, deadlineMs }: Evidence): string {
  if (told === 0) return 'no requests';
  const sparser = relieved > 0 ? `, ${relieved} of them at other levels` : '';
  return `level ${level} met ${ms(deadlineMs)} in ${percent(metShare)} of the last ${told} runs${sparser}`;
}

/** The levels that may be chosen, most accurate first. */
export function openLevels(input: {
  calibration: Calibration;
  accuracy: readonly LevelAccuracy[];
  accuracyGoal?: number | undefined;
  guard?: { shut: number };
}): { whole: number[]; open: number[] } {
  const { calibration, accuracy, accuracyGoal, guard } = input;
  const whole = buildLadder(calibration, accuracy);
  const open = whole.slice(Math.min(guard?.shut ?? 0, whole.length - 1));
  return {
    whole,
    open: accuracyGoal === undefined ? open : fromLeastEnergy(open, calibration, accuracy, accuracyGoal),
  };
}

/**
 * Chooses the most accurate level whose chance of meeting the deadline reaches the goal and whose load the machine can bear.
 *
 * - The chance: calibrated latency times a slowdown that a Kalman filter follows (see `predictor.ts`; ALERT, USENIX ATC 2020).
 * - Down at once where more requests miss than chance allows for `goal`; where the prediction alone says so, after two decisions, since until
 *   then single requests are relieved (see `relief.ts`). Levels may be skipped.
 * - Up only after `confirmations` consecutive decisions that found a better level fit, and `dwellMs` after the last swap.
 * - A level that failed is not tried again while its cause is still to be seen (see `Block`).
 * - Levels that guards have shut are not there.
 */
export function decideDeadline(
  input: PolicyInput,
  state: DeadlineState | undefined,
): Decision<DeadlineState> {
  const { nowMs, calibration, load, level, goal, dwellMs, inputsPerS } = input;
  const predictor = observe(
    state?.predictor ?? startPredictor(calibration),
    calibration,
    input.observations,
    input.threads,
  );
  const { whole, open: ladder } = openLevels(input);
  const swapMs = state?.swapMs;
  const evidence = gatherEvidence(input, swapMs);
  const { deadlineMs, batch, isFailing } = evidence;
  const slowdown = slowdownNow(predictor, nowMs).mean;
  const blocks: Record<number, Block> = { ...state?.blocks };
  const rung = ladder.indexOf(level);
  const last = ladder.length - 1;
  const guarded = input.guard?.reason === undefined ? '' : `${input.guard.reason}; `;
  const met = describeMet(level, evidence);
  const overheadMs = overheadOf(predictor);

  const predict = (to: number, how: { slowdown?: number; threads?: number | undefined } = {}) =>
    predictRun(predictor, calibration, { level: to, batch, nowMs, threads: input.threads, ...how });
  const chance = (to: number, share = 1, how: { slowdown?: number } = {}) =>
    Math.max(
      ...threadOptions(to).map((threads) =>
        chanceWithin(predict(to, { ...how, threads }), deadlineMs * share - overheadMs),
      ),
    );
  const threadOptions = (to: number): (number | undefined)[] => {
    const counts = threadCounts(calibration, to);
    return counts.length > 0 ? counts : [input.threads];
  };
  /** What of the requests the level can answer, the sparsest one taking the others. */
  const shareOf = (to: number) =>
    mostShare({
      requestsPerS: inputsPerS / batch,
      meanMs: predict(to).meanMs + overheadMs,
      reliefMs: predict(ladder[last]).meanMs + overheadMs,
    });

  const decide = (
    chosen: number,
    reason: string,
    more: Partial<Pick<DeadlineState, 'unfit' | 'streak'>> = {},
  ): Decision<DeadlineState> => {
    const threads = chooseThreads(chosen);
    return {
      level: chosen,
      ...(threads === undefined ? {} : { threads }),
      reason,
      slowdown,
      state: {
        predictor,
        swapMs: chosen === level ? swapMs : nowMs,
        unfit: 0,
        streak: undefined,
        blocks,
        ...more,
      },
    };
  };

  /** The fewest threads that will do, else those of the best chance: the rest of the machine belongs to the work beside. */
  function chooseThreads(to: number): number | undefined {
    const counts = threadCounts(calibration, to);
    if (counts.length === 0) return undefined;
    const chances = counts.map((threads) =>
      chanceWithin(predict(to, { threads }), deadlineMs * (1 - margin) - overheadMs),
    );
    const enough = chances.findIndex((one) => one >= goal);
    return counts[enough >= 0 ? enough : chances.indexOf(Math.max(...chances))];
  }

  if (rung < 0 && whole.includes(level)) {
    const why = input.guard?.reason ?? `accuracy goal ${percent(input.accuracyGoal ?? 0)}`;
    return decide(ladder[0], `${why}; levels before ${ladder[0]} are shut`);
  }

  if (rung < 0) {
    const p50Ms = (index: number) => calibration.levels[index].p50Ms;
    const to = ladder.find((other) => p50Ms(other) <= p50Ms(level)) ?? ladder[last];
    return decide(to, `level ${level} is no more accurate than level ${to}, which is not slower`);
  }

  const { relieved, told } = evidence;
  const isRelieved = relieved >= fewestRelieved && relieved > (1 - leastShare) * told;
  const isSlow =
    1 - chance(level) > toleratedMisses * (1 - goal) || (isRelieved && shareOf(level) >= leastShare);
  const isUnfit = isSlow || isRelieved || shareOf(level) < leastShare;
  const unfit = isUnfit ? (state?.unfit ?? 0) + (input.isEarly ? 0 : 1) : 0;

  if (rung < last && (isFailing || unfit >= unfitDecisions)) {
    const own = Math.max(slowdown, predictor.own[level]?.filter.mean ?? 1);
    if (isFailing || isSlow)
      blocks[level] = {
        atMs: nowMs,
        slowdown: own,
        slowdownBelow: 1,
        others: load.cpuOthers ?? 0,
        inputsPerS,
        offered: (inputsPerS * calibration.levels[level].p50Ms) / calibration.batch / 1000,
        failures: (blocks[level]?.failures ?? 0) + 1,
      };
    const below = ladder.slice(rung + 1);
    const share = isFailing ? leastShareFailing : leastShare;
    // What says that the level meets its deadlines though it does not would be no better believed of the next one.
    const isDisproved = isFailing && evidence.metShare < believable && chance(level) >= goal;
    const to =
      (isDisproved ? undefined : below.find((other) => chance(other) >= goal && shareOf(other) >= share)) ??
      ladder[last];
    return decide(
      to,
      `${describeLoad(load)}${met} at slowdown ${own.toFixed(2)}; level ${level} would meet it in ${percent(chance(level))} and bear ${percent(shareOf(level))} of ${inputsPerS.toFixed(1)} inputs/s; level ${to} predicted ${ms(predict(to).meanMs + overheadMs)}`,
    );
  }

  // What stayed is no failure: forget a level's failures once it, or a denser one, was held as long as its block could last.
  const heldMs = nowMs - (swapMs ?? nowMs);
  for (const [index, other] of ladder.entries()) {
    const entry = blocks[other];
    if (!entry) continue;
    if (index >= rung && !isFailing && heldMs >= Math.max(10_000, retryDwellMs(entry, dwellMs)))
      delete blocks[other];
    else if (index < rung)
      blocks[other] = {
        ...entry,
        others: Math.max(entry.others, load.cpuOthers ?? 0),
        slowdownBelow: Math.max(entry.slowdownBelow, predictor.atMs > entry.atMs ? slowdown : 1),
      };
  }
  const standing = (index: number) => {
    const block = blocks[ladder[index]];
    return block && stands(block, { nowMs, load, inputsPerS, dwellMs }) ? block : undefined;
  };
  // The sparsest blocked level above: it and all denser ones are out of reach.
  let lowest = -1;
  for (let index = rung - 1; index >= 0 && lowest < 0; index -= 1) if (standing(index)) lowest = index;

  /** Slowdown grows with a run's length under contention: between this level's and the blocked one's, in proportion. */
  const slowdownAt = (to: number): number => {
    // Where there is a block it knows best when what the level itself saw has gone.
    const seen = blocks[to] ? slowdown : slowdownOfLevel(predictor, to, nowMs);
    const blocked = lowest < 0 ? undefined : standing(lowest);
    if (!blocked) return seen;
    const p50Ms = (index: number) => calibration.levels[index].p50Ms;
    const span = p50Ms(ladder[lowest]) - p50Ms(level);
    const share = span > 0 ? (p50Ms(to) - p50Ms(level)) / span : 1;
    return Math.max(seen, slowdown + (blocked.slowdown - slowdown) * share);
  };
  const foresee = (to: number) => ms(predict(to, { slowdown: slowdownAt(to) }).meanMs + overheadMs);
  const fitsAbove = (to: number) =>
    chance(to, 1 - margin, { slowdown: slowdownAt(to) }) >= goal && shareOf(to) >= shareForUp;
  const fits = isFailing ? undefined : ladder.slice(lowest + 1, rung).find(fitsAbove);

  if (fits === undefined) {
    const blocked = lowest < 0 ? undefined : standing(lowest);
    const why = blocked
      ? `; level ${ladder[lowest]} failed ${((nowMs - blocked.atMs) / 1000).toFixed(1)} s ago at slowdown ${blocked.slowdown.toFixed(2)}`
      : isFailing
        ? '; no level is faster'
        : rung > 0
          ? `; level ${ladder[rung - 1]} predicted ${foresee(ladder[rung - 1])}, would bear ${percent(shareOf(ladder[rung - 1]))} of ${inputsPerS.toFixed(1)} inputs/s`
          : `, slowdown ${slowdown.toFixed(2)}`;
    return decide(level, `${guarded}${describeLoad(load)}${met}${why}`, { unfit });
  }

  const before = state?.streak;
  const sparser =
    before && ladder.indexOf(before.level) > ladder.indexOf(fits) && ladder.indexOf(before.level) < rung;
  const count = (before?.count ?? 0) + (input.isEarly ? 0 : 1);
  const streak = { level: sparser ? before.level : fits, count };
  const to = streak.level;
  const failed = ladder.slice(ladder.indexOf(to), rung).map((one) => blocks[one]);
  const waitMs = Math.max(...failed.map((block) => retryDwellMs(block, dwellMs)));
  const sentence = `${guarded}${describeLoad(load)}${met}; level ${to} predicted ${foresee(to)} at slowdown ${slowdownAt(to).toFixed(2)}`;
  const isConfirmed = !input.isEarly && count >= input.confirmations;
  if (!isConfirmed || (swapMs !== undefined && heldMs < waitMs))
    return decide(level, `${sentence}, ${count} of ${input.confirmations} confirmations`, { unfit, streak });
  return decide(to, `${sentence}, confirmed ${count} times`);
}
