import { isDeepStrictEqual } from 'node:util';
import type { Engine } from '../engine/engine.ts';
import type { CommandAnswer } from '../wire/answer.ts';
import type { LevelCommand } from '../wire/command.ts';
import type { Logger } from '../wire/link/logger.ts';
import type { SwapEvent } from '../wire/swap.ts';
import type { Calibration } from './calibrate/calibration.ts';
import { type DeadlineState, decideDeadline } from './decide/deadline.ts';
import { decideFixed } from './decide/fixed.ts';
import { decideGuards, type GuardState } from './decide/guards.ts';
import { buildLadder } from './decide/ladder.ts';
import type { Decision, MachineLoad, PendingRequest, PolicyInput } from './decide/policy.ts';
import { readHealth } from './decide/read-health.ts';
import type { Profile } from './profile/schema.ts';
import type { SensorReport, SensorRunner } from './sense/runner.ts';
import type { Reading } from './sense/sensor.ts';
import type { RequestStats } from './serve/request-stats.ts';

/** Decisions between two intervals come at most so often. */
const hurryEveryMs = 50;

type ActivePolicy = { kind: 'deadline'; state: DeadlineState | undefined } | { kind: 'fixed'; level: number };

export type ControlLoopOptions = {
  engine: Engine;
  calibration: Calibration;
  /** In force now; `adopt` tells of a change. */
  profile: () => Profile;
  runner: SensorRunner;
  stats: RequestStats;
  /** Requests for the active level that are not yet answered. */
  pending: () => PendingRequest[];
  log: Logger;
  nowMs: () => number;
  monotonicMs: () => number;
  onSwap: (swap: SwapEvent) => void;
};

export type ControlLoop = {
  start(): void;
  stop(): void;
  /** Senses, decides and swaps once; never rejects. The loop does it every `intervalMs` of the profile. */
  step(): Promise<void>;
  /**
   * Senses and decides between two intervals, and swaps where that leads to another level: call it as a request misses its
   * deadline. Never rejects.
   */
  hurry(): Promise<void>;
  /** Obeys an operator; what it changes is in force when it resolves. */
  obey(command: LevelCommand): Promise<CommandAnswer>;
  /** Takes over what a reload has changed of the profile; an operator's policy stays where the profile's has not changed. */
  adopt(before: Profile): void;
  readonly policy: 'deadline' | 'fixed';
  readonly slowdown: number;
  /** Why the level is what it is. */
  readonly reason: string;
  /** The last round of all sensors. */
  readonly reports: readonly SensorReport[];
};

function readLoad(readings: readonly Reading[]): MachineLoad {
  const value = (name: string) => readings.find((reading) => reading.name === name)?.value;
  return {
    cpuBusy: value('cpu_busy'),
    cpuOthers: value('cpu_others'),
    psiCpuSome: value('psi_cpu_some'),
  };
}

function policyOf({ policy, level }: Profile): ActivePolicy {
  return policy === 'fixed' ? { kind: policy, level } : { kind: policy, state: undefined };
}

/** Sense, decide, swap, every interval; whatever a sensor or a decision throws, the loop goes on. */
export function createControlLoop(options: ControlLoopOptions): ControlLoop {
  const { engine, calibration, profile, runner, stats, pending, log, nowMs, monotonicMs, onSwap } = options;
  const levels = engine.manifest.levels.length;
  const accuracy = engine.manifest.levels.map((level) => level.accuracy?.value ?? null);
  const ladder = buildLadder(calibration, accuracy);
  let policy = policyOf(profile());
  let reports: SensorReport[] = [];
  let guards: GuardState | undefined;
  let slowdown = 1;
  let reason = 'just started';
  let timer: NodeJS.Timeout | undefined;
  let running = false;
  let sensing: Promise<void> | undefined;
  let hurriedMs = Number.NEGATIVE_INFINITY;

  function readInput(): PolicyInput {
    const now = profile();
    const readings = reports.flatMap((report) => report.readings);
    const { state, ...guard } = decideGuards(
      { nowMs: monotonicMs(), health: readHealth(readings), limits: now.guards, levels: ladder.length },
      guards,
    );
    guards = state;
    return {
      nowMs: monotonicMs(),
      calibration,
      accuracy,
      deadlineMs: now.deadlineMs,
      goal: now.goal,
      dwellMs: now.dwellMs,
      confirmations: now.confirmations,
      observations: stats.observations,
      pending: pending(),
      inputsPerS: stats.inputsPerS(),
      load: readLoad(readings),
      guard,
      level: engine.level,
    };
  }

  function apply(decision: Pick<Decision<unknown>, 'level' | 'reason' | 'slowdown'>): void {
    const { level } = decision;
    ({ reason, slowdown } = decision);
    const from = engine.level;
    log.debug({ level, policy: policy.kind, slowdown, reason }, 'decided');
    if (level === from) return;
    engine.setLevel(level);
    const swap = { from, to: level, reason, at: new Date(nowMs()).toISOString(), policy: policy.kind };
    log.info({ ...swap }, `swapped level ${from} -> ${level}: ${reason}`);
    onSwap(swap);
  }

  function decide(): void {
    const input = readInput();
    if (policy.kind === 'fixed') {
      apply(decideFixed(input, policy.level));
      return;
    }
    const decision = decideDeadline(input, policy.state);
    policy = { kind: 'deadline', state: decision.state };
    apply(decision);
  }

  function decideEarly(): void {
    if (policy.kind !== 'deadline') return;
    const input = readInput();
    // Confirmations are counted by the interval: a decision in between must not add to them.
    const decision = decideDeadline({ ...input, confirmations: Number.POSITIVE_INFINITY }, policy.state);
    if (decision.level === input.level) return;
    policy = { kind: 'deadline', state: decision.state };
    apply(decision);
  }

  function attempt(how: () => void): void {
    try {
      how();
    } catch (error) {
      log.error({ err: error }, `cannot decide, holding level ${engine.level}: ${String(error)}`);
    }
  }

  /** One round of all sensors; whoever asks while it goes on gets the same. */
  function sense(): Promise<void> {
    sensing ??= runner
      .read()
      .then((round) => {
        reports = round;
      })
      .finally(() => {
        sensing = undefined;
      });
    return sensing;
  }

  async function step(): Promise<void> {
    await sense();
    attempt(decide);
  }

  function schedule(): void {
    clearTimeout(timer);
    timer = setTimeout(async () => {
      await step();
      if (running) schedule();
    }, profile().intervalMs);
  }

  function refuseLevel(level: number): CommandAnswer | undefined {
    if (Number.isInteger(level) && level >= 0 && level < levels) return undefined;
    return {
      ok: false,
      error: `Cannot set the level as it must be 0 to ${levels - 1}: current value is ${level}`,
    };
  }

  return {
    start() {
      running = true;
      schedule();
    },
    stop() {
      running = false;
      clearTimeout(timer);
    },
    step,
    async hurry() {
      const atMs = monotonicMs();
      if (atMs - hurriedMs < hurryEveryMs) return;
      hurriedMs = atMs;
      // What caused the miss may be younger than the last round.
      await sense();
      attempt(decideEarly);
    },
    async obey(command) {
      const level = command.level ?? engine.level;
      const refusal = refuseLevel(level);
      if (refusal) return refusal;
      const kind = command.kind === 'set_level' ? 'fixed' : command.policy;
      if (kind === 'fixed') policy = { kind, level };
      // A policy that is in force already keeps what it has learnt.
      else if (policy.kind !== 'deadline') policy = { kind, state: undefined };
      log.info({ command }, `obeying: policy ${kind}${kind === 'fixed' ? ` at level ${level}` : ''}`);
      attempt(decide);
      return { ok: true };
    },
    adopt(before) {
      const now = profile();
      if (!isDeepStrictEqual(policyOf(now), policyOf(before))) policy = policyOf(now);
      else if (policy.kind === 'deadline' && policy.state) {
        // What was learnt under another deadline, or goal, tells nothing: as after a swap, evidence is gathered anew.
        const isOther = now.deadlineMs !== before.deadlineMs || now.goal !== before.goal;
        const forgotten = { blocks: {}, streak: undefined, swapMs: monotonicMs() };
        if (isOther) policy = { kind: 'deadline', state: { ...policy.state, ...forgotten } };
      }
      attempt(decide);
      if (running) schedule();
    },
    get policy() {
      return policy.kind;
    },
    get slowdown() {
      return slowdown;
    },
    get reason() {
      return reason;
    },
    get reports() {
      return reports;
    },
  };
}
