import { quantile } from '../quantile.ts';
import { type Block, retryDwellMs, stands } from './block.ts';
import { buildLadder } from './ladder.ts';
import {
  chanceOfMisses,
  type Decision,
  type MachineLoad,
  type Observation,
  type PolicyInput,
} from './policy.ts';
import { estimateOverheadMs, estimateSlowdown } from './slowdown.ts';

/** Answers that count as evidence: this young, but at least `fewest` of them if they are not older than `oldestMs`. */
const windowMs = 5000;
const fewest = 16;
const oldestMs = 60_000;
/** Answers that tell the slowdown of now. */
const recentMs = 1500;
const fewestRecent = 8;
/** Requests that began so soon after a swap may stand behind the old level's backlog. */
const settleMs = 200;
/** Misses are evidence where chance alone would bring as many in 1% of windows. */
const significance = 0.01;
/** A prediction must leave this share of the deadline free. */
const margin = 0.1;
/** With no requests the slowdown fades to 1 by half in so long. */
const halfLifeMs = 5000;

export type DeadlineState = {
  atMs: number;
  slowdown: number;
  /** Where it was measured: at another level it is no more than a guess. */
  slowdownLevel: number;
  swapMs: number | undefined;
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

function evidence(input: PolicyInput, sinceMs: number): Observation[] {
  const mine = input.observations.filter(
    ({ level, startMs }) => level === input.level && startMs >= sinceMs && input.nowMs - startMs <= oldestMs,
  );
  const young = mine.filter((one) => isYoung(input, one, windowMs));
  return young.length >= fewest ? young : mine.slice(-fewest);
}

function isYoung(input: PolicyInput, { startMs, latencyMs }: Observation, youngMs: number): boolean {
  return input.nowMs - startMs - latencyMs <= youngMs;
}

function recentOf(input: PolicyInput, seen: Observation[]): Observation[] {
  const young = seen.filter((one) => isYoung(input, one, recentMs));
  return young.length >= fewestRecent ? young : seen.slice(-fewestRecent);
}

function nextSlowdown(
  input: PolicyInput,
  recent: Observation[],
  state: DeadlineState | undefined,
): Pick<DeadlineState, 'slowdown' | 'slowdownLevel'> {
  const before = state?.slowdown ?? 1;
  const slowdownLevel = state?.slowdownLevel ?? input.level;
  const measured = estimateSlowdown(recent, input.calibration);
  if (measured !== undefined && recent.some((one) => isYoung(input, one, recentMs))) {
    const isNews = measured > before || slowdownLevel !== input.level;
    return {
      slowdown: isNews ? measured : before + (measured - before) / 2,
      slowdownLevel: input.level,
    };
  }
  const elapsedMs = Math.max(0, input.nowMs - (state?.atMs ?? input.nowMs));
  return { slowdown: 1 + (before - 1) * 0.5 ** (elapsedMs / halfLifeMs), slowdownLevel };
}

/**
 * Chooses the most accurate level whose predicted latency, calibrated 95th percentile times slowdown, meets the deadline.
 *
 * - Down at once, as soon as the active level's misses are more than chance allows for `goal`; levels may be skipped.
 * - Up only after `confirmations` consecutive decisions that found a better level fit, and `dwellMs` after the last swap.
 * - A level that failed is not tried again while its cause is still to be seen (see `Block`).
 * - Levels that guards have shut are not there.
 * - In between it holds: a level that meets the deadline is not left because of a prediction.
 */
export function decideDeadline(
  input: PolicyInput,
  state: DeadlineState | undefined,
): Decision<DeadlineState> {
  const { nowMs, calibration, load, level, goal, dwellMs, inputsPerS } = input;
  const whole = buildLadder(calibration, input.accuracy);
  const ladder = whole.slice(Math.min(input.guard?.shut ?? 0, whole.length - 1));
  const swapMs = state?.swapMs;
  const sinceMs = swapMs === undefined ? Number.NEGATIVE_INFINITY : swapMs + settleMs;
  const seen = evidence(input, sinceMs);
  const recent = recentOf(input, seen);
  const { slowdown, slowdownLevel } = nextSlowdown(input, recent, state);
  const blocks: Record<number, Block> = { ...state?.blocks };
  const rung = ladder.indexOf(level);
  const deadlineMs =
    seen.length > 0
      ? quantile(
          seen.map((one) => one.deadlineMs),
          0.5,
        )
      : input.deadlineMs;
  const late = (one: Observation) => one.latencyMs > one.deadlineMs;
  const overdue = input.pending.filter(
    (one) => one.startMs >= sinceMs && nowMs - one.startMs > one.deadlineMs,
  ).length;
  const misses = seen.filter(late).length + overdue;
  const failing = misses >= 2 && chanceOfMisses(misses, seen.length + overdue, 1 - goal) < significance;
  const batch =
    seen.length > 0
      ? quantile(
          seen.map((one) => one.batch),
          0.5,
        )
      : calibration.batch;
  const scale = batch / calibration.batch;
  const p50Ms = (index: number) => calibration.levels[index].p50Ms * scale;
  const overheadMs = estimateOverheadMs(seen);
  const told = recent.length + overdue;
  const metShare = told > 0 ? recent.filter((one) => !late(one)).length / told : 1;
  const guarded = input.guard?.reason === undefined ? '' : `${input.guard.reason}; `;
  const met =
    told === 0
      ? 'no requests'
      : `level ${level} met ${ms(deadlineMs)} in ${percent(metShare)} of the last ${told} runs`;

  const decide = (chosen: number, reason: string, streak?: DeadlineState['streak']) => ({
    level: chosen,
    reason,
    slowdown,
    state: {
      atMs: nowMs,
      slowdown,
      slowdownLevel,
      swapMs: chosen === level ? swapMs : nowMs,
      streak,
      blocks,
    },
  });

  if (rung < 0 && whole.includes(level))
    return decide(ladder[0], `${input.guard?.reason ?? 'guard'}; levels before ${ladder[0]} are shut`);

  if (rung < 0) {
    const to = ladder.find((other) => p50Ms(other) <= p50Ms(level)) ?? ladder[ladder.length - 1];
    return decide(to, `level ${level} is no more accurate than level ${to}, which is not slower`);
  }

  if (failing && rung < ladder.length - 1) {
    blocks[level] = {
      atMs: nowMs,
      slowdown,
      others: load.cpuOthers ?? 0,
      inputsPerS,
      offered: (inputsPerS * calibration.levels[level].p50Ms) / calibration.batch / 1000,
      failures: (blocks[level]?.failures ?? 0) + 1,
    };
    // A queue in front of a faster level is shorter in the same proportion.
    const predict = (to: number) =>
      calibration.levels[to].p95Ms * scale * slowdown + (overheadMs * p50Ms(to)) / p50Ms(level);
    const below = ladder.slice(rung + 1);
    const to = below.find((other) => predict(other) <= deadlineMs * (1 - margin)) ?? below[below.length - 1];
    return decide(
      to,
      `${describeLoad(load)}${met} at slowdown ${slowdown.toFixed(2)}; level ${to} predicted ${ms(predict(to))}`,
    );
  }

  // What stayed is no failure: forget a level's failures once it, or a denser one, was held as long as its block could last.
  const heldMs = nowMs - (swapMs ?? nowMs);
  for (const [index, block] of ladder.entries()) {
    const entry = blocks[block];
    if (!entry) continue;
    if (index >= rung && !failing && heldMs >= Math.max(10_000, retryDwellMs(entry, dwellMs)))
      delete blocks[block];
    else if (index < rung) blocks[block] = { ...entry, others: Math.max(entry.others, load.cpuOthers ?? 0) };
  }
  const standing = (index: number) => {
    const block = blocks[ladder[index]];
    return block && stands(block, { nowMs, load, inputsPerS, dwellMs }) ? block : undefined;
  };
  // The sparsest blocked level above: it and all denser ones are out of reach.
  let lowest = -1;
  for (let index = rung - 1; index >= 0 && lowest < 0; index -= 1) if (standing(index)) lowest = index;

  /** Slowdown grows with a run's length under contention: between this level's and the blocked one's, in proportion. */
  const slowdownOf = (to: number): number => {
    const blocked = lowest < 0 ? undefined : standing(lowest);
    if (!blocked) return slowdown;
    const span = p50Ms(ladder[lowest]) - p50Ms(level);
    const share = span > 0 ? (p50Ms(to) - p50Ms(level)) / span : 1;
    return Math.max(slowdown, slowdown + (blocked.slowdown - slowdown) * share);
  };
  const predict = (to: number) => calibration.levels[to].p95Ms * scale * slowdownOf(to) + overheadMs;
  const fits = failing
    ? undefined
    : ladder.slice(lowest + 1, rung).find((to) => predict(to) <= deadlineMs * (1 - margin));

  if (fits === undefined) {
    const blocked = lowest < 0 ? undefined : standing(lowest);
    const why = blocked
      ? `; level ${ladder[lowest]} failed ${((nowMs - blocked.atMs) / 1000).toFixed(1)} s ago at slowdown ${blocked.slowdown.toFixed(2)}`
      : failing
        ? '; no level is faster'
        : rung > 0
          ? `; level ${ladder[rung - 1]} predicted ${ms(predict(ladder[rung - 1]))}`
          : '';
    return decide(level, `${guarded}${describeLoad(load)}${met}${why}`);
  }

  const before = state?.streak;
  const sparser =
    before && ladder.indexOf(before.level) > ladder.indexOf(fits) && ladder.indexOf(before.level) < rung;
  const streak = { level: sparser ? before.level : fits, count: (before?.count ?? 0) + 1 };
  const to = streak.level;
  const failed = ladder.slice(ladder.indexOf(to), rung).map((one) => blocks[one]);
  const waitMs = Math.max(...failed.map((block) => retryDwellMs(block, dwellMs)));
  const sentence = `${describeLoad(load)}${met}; level ${to} predicted ${ms(predict(to))} at slowdown ${slowdownOf(to).toFixed(2)}`;
  if (streak.count < input.confirmations || (swapMs !== undefined && heldMs < waitMs))
    return decide(level, `${sentence}, ${streak.count} of ${input.confirmations} confirmations`, streak);
  return decide(to, `${sentence}, confirmed ${streak.count} times`);
}
