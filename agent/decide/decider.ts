import { isDeepStrictEqual } from 'node:util';
import { type LevelAccuracy, shareOf } from '../../bundle/level-accuracy.ts';
import type { Calibration } from '../calibrate/calibration.ts';
import type { Profile } from '../profile/schema.ts';
import type { Reading } from '../sense/sensor.ts';
import { accurateLevels } from './accurate-levels.ts';
import { type BatteryState, planBattery } from './battery-plan.ts';
import { type DeadlineState, decideDeadline, openLevels } from './deadline.ts';
import { decideFixed } from './fixed.ts';
import { decideGuards, type GuardState } from './guards.ts';
import { buildLadder } from './ladder.ts';
import type { Decision, Observation, PendingRequest, PolicyInput } from './policy.ts';
import { observe, type Predictor, slowdownNow, startPredictor } from './predictor.ts';
import { readBatteryPower, readHealth, readLoad } from './read-health.ts';
import { chooseForRequest, type ReliefInput } from './relief.ts';
import { createSteadyReadings } from './steady-readings.ts';

/** What decisions read of a profile. */
export type DecisionProfile = Pick<
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

type ActivePolicy = { kind: 'deadline' } | { kind: 'fixed'; level: number };

export type DeciderOptions = {
  calibration: Calibration;
  /** Of each level; null where the bundle does not know it. */
  accuracy: readonly LevelAccuracy[];
  /** In force now; `adopt` tells of a change. */
  profile: () => DecisionProfile;
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
  setPolicy(policy: ActivePolicy): void;
  /** Takes over what has changed of the profile; an operator's policy stays where the profile's has not changed. */
  adopt(before: DecisionProfile, nowMs: number): void;
  /** @param options.isEarly between two intervals: what is not another level is not remembered. */
  decide(situation: Situation, options?: { isEarly?: boolean }): Decided;
  /** Whether a decision now would lead to another level; it is not taken. */
  wouldMove(situation: Situation): boolean;
  /**
   * The level of one request that is about to run: undefined for the active one, a sparser one to relieve the queue, or the sparsest that has the
   * request's `minAccuracy` if the active one has not.
   */
  levelFor(turn: RequestInTurn, situation: Omit<Situation, 'readings' | 'pending'>): number | undefined;
  /** What was learnt of each level's latency, for `corrections` of the next start. */
  readonly corrections: readonly number[];
};

function policyOf({ policy, level }: DecisionProfile): ActivePolicy {
  return policy === 'fixed' ? { kind: policy, level } : { kind: policy };
}

export function createDecider(options: DeciderOptions): Decider {
  const { calibration, accuracy, profile, corrections } = options;
  const ladder = buildLadder(calibration, accuracy);
  const energyMj = ladder.map((level) => calibration.levels[level].energyMj);
  const steady = createSteadyReadings();
  let policy = policyOf(profile());
  let predictor: Predictor = startPredictor(calibration, corrections);
  let state: DeadlineState | undefined;
  let guards: GuardState | undefined;
  let battery: BatteryState | undefined;
  let shut = 0;
  let open = openNow();

  function openNow(): number[] {
    const { accuracyGoal } = profile();
    return openLevels({ calibration, accuracy, accuracyGoal, guard: { shut } }).open;
  }

  function setPolicy(next: ActivePolicy): void {
    // A policy that is in force already keeps what it has learnt.
    if (next.kind !== policy.kind) state = undefined;
    policy = next;
  }

  function protect({ nowMs, readings, level, inputsPerS }: Situation): PolicyInput['guard'] {
    const believed = steady.take(readings, nowMs);
    const health = readHealth(believed);
    const { guards: limits, battery: goal } = profile();
    const guarded = decideGuards({ nowMs, health, limits, levels: ladder.length }, guards);
    guards = guarded.state;
    const plan = goal
      ? planBattery(
          {
            nowMs,
            charge: health.dischargingCharge,
            powerW: readBatteryPower(believed),
            goal,
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
    const isOther = shutNow !== shut;
    shut = shutNow;
    if (isOther) open = openNow();
    const reasons = [guarded.reason, plan?.reason].filter((reason) => reason !== undefined);
    return { shut, reason: reasons.length > 0 ? reasons.join('; ') : undefined };
  }

  function consider(situation: Situation, isEarly: boolean): Decided | Decision<DeadlineState> {
    const { nowMs, observations, pending, inputsPerS, readings, level, threads } = situation;
    const { deadlineMs, goal, accuracyGoal, dwellMs, confirmations } = profile();
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
    return decideDeadline(
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
  }

  return {
    get policy() {
      return policy.kind;
    },
    setPolicy,
    adopt(before, nowMs) {
      const now = profile();
      open = openNow();
      if (!isDeepStrictEqual(policyOf(now), policyOf(before))) setPolicy(policyOf(now));
      // What was learnt under another deadline, or goal, tells nothing: as after a swap, evidence is gathered anew.
      else if (state && (now.deadlineMs !== before.deadlineMs || now.goal !== before.goal))
        state = { ...state, swapMs: nowMs, unfit: 0, streak: undefined, blocks: {} };
    },
    decide(situation, { isEarly = false } = {}) {
      const decision = consider(situation, isEarly);
      if ('state' in decision && (!isEarly || decision.level !== situation.level)) state = decision.state;
      return decision;
    },
    wouldMove: (situation) => consider(situation, true).level !== situation.level,
    levelFor(turn, { nowMs, observations, inputsPerS, level, threads }) {
      const able = accurateLevels(turn.request.minAccuracy, accuracy.map(shareOf));
      if (able && !able.includes(level)) return able.at(-1);
      if (policy.kind === 'fixed') return undefined;
      const { deadlineMs, goal } = profile();
      predictor = observe(predictor, calibration, observations, threads);
      const reachable = open.slice(Math.max(0, open.indexOf(level)));
      const levels = able ? reachable.filter((one) => able.includes(one)) : reachable;
      if (levels.length === 0) return undefined;
      const chosen = chooseForRequest({
        ...turn,
        nowMs,
        deadlineMs,
        calibration,
        predictor,
        goal,
        levels,
        sparsest: reachable.at(-1),
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
