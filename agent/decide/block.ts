import type { MachineLoad } from './policy.ts';

/**
 * A level that missed the deadline is blocked: a short run fits inside one slice of the scheduler and so looks undisturbed
 * where a long one would not, hence the slowdown measured at a sparse level does not tell when a dense one fits again.
 * The block ends when what was seen to cause the misses has gone, or when its time is over; the time doubles with each failure.
 */
export type Block = {
  atMs: number;
  /** Measured at the level when it failed. */
  slowdown: number;
  /** Largest that sparser levels have seen since. */
  slowdownBelow: number;
  /** Largest share of CPU time that others have used since the level failed. */
  others: number;
  /** Inputs per second when it failed, and the share of the inference thread they would fill on an undisturbed machine. */
  inputsPerS: number;
  offered: number;
  /** Consecutive failures: the level never stayed in between. */
  failures: number;
};

const visibleOthers = 0.25;
const visibleOffered = 0.7;
const contentionGone = 0.5;
/** With pressure readings less will do: where hardly a task waits, a core is free. */
const contentionEased = 0.75;
const nobodyWaits = 0.1;
const loadGone = 0.75;
/** Where sparser levels see such a share of the slowdown, their prediction tells when it has gone. */
const seenBelow = 0.5;
const longestMs = 600_000;

/** How long a block lasts while its cause persists. Without a visible cause the wait is short: only trying tells. */
function lengthMs(block: Block, dwellMs: number): number {
  const visible = block.others >= visibleOthers || block.offered >= visibleOffered;
  const baseMs = Math.max(1000, dwellMs) * (visible ? 10 : 3);
  return Math.min(longestMs, baseMs * 2 ** Math.min(20, block.failures - 1));
}

/** Whether the block still stands: its time is not over and no visible cause has gone. */
export function stands(
  block: Block,
  now: { nowMs: number; load: MachineLoad; inputsPerS: number; dwellMs: number },
): boolean {
  if (now.nowMs - block.atMs >= lengthMs(block, now.dwellMs)) return false;
  if (block.slowdown > 1 && block.slowdownBelow - 1 >= (block.slowdown - 1) * seenBelow) return false;
  const { cpuOthers: others, psiCpuSome } = now.load;
  if (block.others >= visibleOthers && others !== undefined) {
    const calm = psiCpuSome !== undefined && psiCpuSome < nobodyWaits;
    if (others < block.others * (calm ? contentionEased : contentionGone)) return false;
  }
  if (block.offered >= visibleOffered && now.inputsPerS < block.inputsPerS * loadGone) return false;
  return true;
}

/** How long the level below is held before this one is tried again: the dwell time, doubled with every further failure. */
export function retryDwellMs(block: Block | undefined, dwellMs: number): number {
  return Math.min(longestMs, dwellMs * 2 ** Math.min(20, (block?.failures ?? 1) - 1));
}
