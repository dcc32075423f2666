import type { Calibration } from '../calibrate/calibration.ts';
import type { Profile } from '../profile/schema.ts';
import type { Reading } from '../sense/sensor.ts';
import { type BatteryState, planBattery } from './battery-plan.ts';
import { type DeadlineState, decideDeadline, openLevels } from './deadline.ts';
import { decideFixed } from './fixed.ts';
import { decideGuards, type GuardState } from './guards.ts';
import { buildLadder } from './ladder.ts';
import type { Decision, Observation, PendingRequest, PolicyInput } from './policy.ts';
import { observe, type Predictor, slowdownNow, startPredictor } from './predictor.ts';
import { readBatteryPower, readHealth, readLoad } from './read-health.ts';
import { chooseForRequest, type ReliefInput } from './relief.ts';

export type DeciderOptions = {
  calibration: Calibration;
  /** Of each level; null where the bundle does not know it. */
  accuracy: readonly (number | null)[];
  profile: Pick<
    Profile,
    | 'policy'
    | 'level'
    | 'deadlineMs'
    | 'goal'
    | 'accuracyGoal'
    | 'dwellMs'
    | 'confirmations'
    | 'guards'
    | 'battery'
  >;
  /** What an earlier run has learnt of the levels' latencies; see `Predictor`. */
  corrections?: readonly number[];
};

/** What is to be seen at the time of a decision. */
export type Situation = {
  nowMs: number;
  /** Recent answers, oldest first. */
  observations: readonly Observation[];
  pending: readonly PendingRequest[];
  inputsPerS: number;
  readings: readonly Reading[];
  /** In force now. */
  level: number;
  threads?: number;
};

export type Decided = Pick<Decision<unknown>, 'level' | 'threads' | 'reason' | 'slowdown'>;
export type RequestInTurn = Pick<ReliefInput, 'request' | 'ahead' | 'behind'>;

/**
 * Guards, battery plan and policy with what they remember: all that decides, and nothing that senses or swaps. The agent's control loop and
 * the simulator run the same one. No clock, no I/O.
 */
export type Decider = {
  readonly policy: 'deadline' | 'fixed';
  setPolicy(policy: { kind: 'deadline' } | { kind: 'fixed'; level: number }): void;
  /** @param options.isEarly between two intervals: what is not another level is not remembered. */
  decide(situation: Situation, options?: { isEarly?: boolean }): Decided;
  /** The level of one request that is about to run: a sparser one than the active, or undefined for that. */
  levelFor(turn: RequestInTurn, situation: Omit<Situation, 'readings' | 'pending'>): number | undefined;
  /** What was learnt of each level's latency, for `corrections` of the next start. */
  readonly corrections: readonly number[];
};

export function createDecider(options: DeciderOptions): Decider {
  const { calibration, accuracy, profile, corrections } = options;
  const { deadlineMs, goal, accuracyGoal, dwellMs, confirmations } = profile;
  const ladder = buildLadder(calibration, accuracy);
  const energyMj = ladder.map((level) => calibration.levels[level].energyMj);
  let policy: { kind: 'deadline' } | { kind: 'fixed'; level: number } =
    profile.policy === 'fixed' ? { kind: 'fixed', level: profile.level } : { kind: 'deadline' };
  let predictor: Predictor = startPredictor(calibration, corrections);
  let state: DeadlineState | undefined;
  let guards: GuardState | undefined;
  let battery: BatteryState | undefined;
  let shut = 0;
  let open = openLevels({ calibration, accuracy, accuracyGoal }).open;

  function protect({ nowMs, readings, level, inputsPerS }: Situation): PolicyInput['guard'] {
    const health = readHealth(readings);
    const guarded = decideGuards({ nowMs, health, limits: profile.guards, levels: ladder.length }, guards);
    guards = guarded.state;
    const plan = profile.battery
      ? planBattery(
          {
            nowMs,
            charge: health.dischargingCharge,
            powerW: readBatteryPower(readings),
            goal: profile.battery,
            levels: ladder.length,
            rung: Math.max(0, ladder.indexOf(level)),
            inputsPerS,
            energyMj,
          },
          battery,
        )
      : undefined;
    battery = plan?.state;
    const shutNow = Math.max(guarded.shut, plan?.shut ?? 0);
    if (shutNow !== shut)
      open = openLevels({ calibration, accuracy, accuracyGoal, guard: { shut: shutNow } }).open;
    shut = shutNow;
    const reasons = [guarded.reason, plan?.reason].filter((reason) => reason !== undefined);
    return { shut, reason: reasons.length > 0 ? reasons.join('; ') : undefined };
  }

  return {
    get policy() {
      return policy.kind;
    },
    setPolicy(next) {
      // A policy that is in force already keeps what it has learnt.
      if (next.kind !== policy.kind) state = undefined;
      policy = next;
    },
    decide(situation, { isEarly = false } = {}) {
      const { nowMs, observations, pending, inputsPerS, readings, level, threads } = situation;
      const guard = protect(situation);
      predictor = observe(predictor, calibration, observations, threads);
      if (policy.kind === 'fixed')
        return {
          ...decideFixed({ calibration }, policy.level),
          slowdown: slowdownNow(predictor, nowMs).mean,
        };
      const before = {
        ...(state ?? { swapMs: undefined, unfit: 0, streak: undefined, blocks: {} }),
        predictor,
      };
      const decision = decideDeadline(
        {
          nowMs,
          calibration,
          accuracy,
          deadlineMs,
          goal,
          accuracyGoal,
          dwellMs,
          confirmations,
          isEarly,
          observations,
          pending,
          inputsPerS,
          load: readLoad(readings),
          ...(guard ? { guard } : {}),
          level,
          ...(threads === undefined ? {} : { threads }),
        },
        before,
      );
      if (!isEarly || decision.level !== level) state = decision.state;
      return decision;
    },
    levelFor(turn, { nowMs, observations, inputsPerS, level, threads }) {
      if (policy.kind === 'fixed') return undefined;
      predictor = observe(predictor, calibration, observations, threads);
      const levels = open.slice(Math.max(0, open.indexOf(level)));
      const chosen = chooseForRequest({
        ...turn,
        nowMs,
        deadlineMs,
        calibration,
        predictor,
        goal,
        levels,
        inputsPerS,
        threads,
      });
      return chosen === level ? undefined : chosen;
    },
    get corrections() {
      return predictor.corrections;
    },
  };
}
