import type { LevelAccuracy } from '../../bundle/level-accuracy.ts';
import type { Calibration } from '../calibrate/calibration.ts';

/** One answered request, as the agent saw it. */
export type Observation = {
  /** The level that computed it. */
  level: number;
  /** Inputs in the request. */
  batch: number;
  /** When its body had arrived, on the policy's clock. */
  startMs: number;
  /** From then until the answer was ready: queueing, inference, hand-over. */
  latencyMs: number;
  /** Inside the session. */
  inferMs: number;
  /** From its arrival in the queue until its inference began. */
  queueMs?: number;
  deadlineMs: number;
  /** The client asked for this very level. */
  isPinned?: boolean;
};

/** A request that waits for its answer; once its deadline has passed it counts as a miss. */
export type PendingRequest = { startMs: number; deadlineMs: number };

/** What decisions read of the machine; undefined where no sensor tells. */
export type MachineLoad = {
  /** Share of all CPU time that was used, 0..1. */
  cpuBusy?: number | undefined;
  /** Share of all CPU time that others than this process used (with steal), 0..1. */
  cpuOthers?: number | undefined;
  /** Share of the time in which some task waited for a CPU, 0..1. */
  psiCpuSome?: number | undefined;
};

export type PolicyInput = {
  nowMs: number;
  calibration: Calibration;
  /** Accuracy of each level; null where the bundle does not know it. */
  accuracy: readonly LevelAccuracy[];
  deadlineMs: number;
  goal: number;
  /** Least accuracy that will do: of the levels that have it, the one of least energy is the densest to be chosen. */
  accuracyGoal?: number | undefined;
  dwellMs: number;
  confirmations: number;
  /** Decided between two intervals: confirmations are counted by the interval, and this must not add to them. */
  isEarly?: boolean;
  /** Recent answers, oldest first. */
  observations: readonly Observation[];
  /** Requests for the active level that are not yet answered. */
  pending: readonly PendingRequest[];
  /** Inputs that arrived per second over the last seconds, the refused ones among them. */
  inputsPerS: number;
  load: MachineLoad;
  /** How many of the levels worth choosing, the densest first, guards have shut, and why. */
  guard?: { shut: number; reason: string | undefined };
  /** The active level. */
  level: number;
  /** Threads inside one inference now. */
  threads?: number;
};

/** What a policy wants and why. `reason` is a sentence with numbers. */
export type Decision<State> = {
  level: number;
  /** Threads inside one inference; absent where calibration knows one number alone. */
  threads?: number;
  reason: string;
  state: State;
  /** Measured over calibrated latency; 1 is an undisturbed machine. */
  slowdown: number;
};

/** Number of binomially distributed misses: the chance of at least `misses` in `count` at `rate`. */
export function chanceOfMisses(misses: number, count: number, rate: number): number {
  if (misses <= 0) return 1;
  let term = (1 - rate) ** count;
  let below = 0;
  for (let k = 0; k < misses; k += 1) {
    below += term;
    term *= ((count - k) / (k + 1)) * (rate / (1 - rate));
  }
  return Math.min(1, Math.max(0, 1 - below));
}
