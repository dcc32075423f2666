import type { Engine } from '../engine/engine.ts';
import type { CommandAnswer } from '../wire/answer.ts';
import type { LevelCommand } from '../wire/command.ts';
import type { Logger } from '../wire/link/logger.ts';
import type { SwapEvent } from '../wire/swap.ts';
import type { Calibration } from './calibrate/calibration.ts';
import { createDecider, type Decided, type RequestInTurn, type Situation } from './decide/decider.ts';
import type { PendingRequest } from './decide/policy.ts';
import type { Profile } from './profile/schema.ts';
import type { SensorReport, SensorRunner } from './sense/runner.ts';
import type { RequestStats } from './serve/request-stats.ts';

/** Decisions between two intervals come at most so often. */
const hurryEveryMs = 50;

export type ControlLoopOptions = {
  engine: Engine;
  calibration: Calibration;
  /** In force now; `adopt` tells of a change. */
  profile: () => Profile;
  /** What an earlier run has learnt of the levels' latencies. */
  corrections?: readonly number[];
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
  /** The level of a request that is about to run, see `Decider`; undefined for the active one. */
  levelFor(turn: RequestInTurn): number | undefined;
  /** Obeys an operator; what it changes is in force when it resolves. */
  obey(command: LevelCommand): Promise<CommandAnswer>;
  /** Takes over what a reload has changed of the profile; an operator's policy stays where the profile's has not changed. */
  adopt(before: Profile): void;
  readonly policy: 'deadline' | 'fixed';
  readonly slowdown: number;
  /** Why the level is what it is. */
  readonly reason: string;
  /** What was learnt of each level's latency so far. */
  readonly corrections: readonly number[];
  /** The last round of all sensors. */
  readonly reports: readonly SensorReport[];
};

/** Sense, decide, swap, every interval; whatever a sensor or a decision throws, the loop goes on. */
export function createControlLoop(options: ControlLoopOptions): ControlLoop {
  const { engine, calibration, profile, runner, stats, pending, log, nowMs, monotonicMs, onSwap } = options;
  const levels = engine.manifest.levels.length;
  const accuracy = engine.manifest.levels.map((level) => level.accuracy ?? null);
  const decider = createDecider({
    calibration,
    accuracy,
    profile,
    ...(options.corrections ? { corrections: options.corrections } : {}),
  });
  let reports: SensorReport[] = [];
  let slowdown = 1;
  let reason = 'just started';
  let timer: NodeJS.Timeout | undefined;
  let running = false;
  let sensing: Promise<void> | undefined;
  let hurriedMs = Number.NEGATIVE_INFINITY;

  function look(): Omit<Situation, 'readings' | 'pending'> {
    return {
      nowMs: monotonicMs(),
      observations: stats.observations,
      inputsPerS: stats.inputsPerS(),
      level: engine.level,
      threads: engine.threads,
    };
  }

  function apply(decided: Decided): void {
    const { level, threads } = decided;
    ({ reason, slowdown } = decided);
    const from = engine.level;
    log.debug({ level, threads, policy: decider.policy, slowdown, reason }, 'decided');
    if (threads !== undefined && threads !== engine.threads) engine.setThreads(threads);
    if (level === from) return;
    engine.setLevel(level);
    const swap = { from, to: level, reason, at: new Date(nowMs()).toISOString(), policy: decider.policy };
    log.info({ ...swap }, `swapped level ${from} -> ${level}: ${reason}`);
    onSwap(swap);
  }

  function situation(): Situation {
    return { ...look(), readings: reports.flatMap((report) => report.readings), pending: pending() };
  }

  const decide = () => apply(decider.decide(situation()));

  function decideEarly(): void {
    const decided = decider.decide(situation(), { isEarly: true });
    if (decided.level !== engine.level) apply(decided);
  }

  function attempt<Result>(how: () => Result): Result | undefined {
    try {
      return how();
    } catch (error) {
      log.error({ err: error }, `cannot decide, holding level ${engine.level}: ${String(error)}`);
      return undefined;
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
      if (decider.policy !== 'deadline' || atMs - hurriedMs < hurryEveryMs) return;
      hurriedMs = atMs;
      // Sensing takes CPU time, of which requests that miss have too little already: not for a decision to stay.
      if (!attempt(() => decider.wouldMove(situation()))) return;
      // What caused the misses may be younger than the last round.
      await sense();
      attempt(decideEarly);
    },
    levelFor(turn) {
      try {
        return decider.levelFor(turn, look());
      } catch (error) {
        log.error({ err: error }, `cannot choose a level, staying at ${engine.level}: ${String(error)}`);
        return undefined;
      }
    },
    async obey(command) {
      const level = command.level ?? engine.level;
      const refusal = refuseLevel(level);
      if (refusal) return refusal;
      const kind = command.kind === 'set_level' ? 'fixed' : command.policy;
      decider.setPolicy(kind === 'fixed' ? { kind, level } : { kind });
      log.info({ command }, `obeying: policy ${kind}${kind === 'fixed' ? ` at level ${level}` : ''}`);
      attempt(decide);
      return { ok: true };
    },
    adopt(before) {
      decider.adopt(before, monotonicMs());
      attempt(decide);
      if (running) schedule();
    },
    get policy() {
      return decider.policy;
    },
    get slowdown() {
      return slowdown;
    },
    get reason() {
      return reason;
    },
    get corrections() {
      return decider.corrections;
    },
    get reports() {
      return reports;
    },
  };
}
