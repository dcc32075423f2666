import type { Situation } from '../../agent/decide/decider.ts';
import type { PendingRequest } from '../../agent/decide/policy.ts';
import { furthest } from '../../agent/decide/relief.ts';
import { leastRunMs } from '../../agent/serve/least-run.ts';
import { mayHandOver } from '../../agent/serve/request-queue.ts';
import { createRequestStats } from '../../agent/serve/request-stats.ts';
import { missedMs } from '../../agent/serve/serve-requests.ts';
import { createConditions } from './conditions.ts';
import { calibrationOf, type Device, thermalSlowdown } from './device.ts';
import { createDeviceBody, type EnergyJ } from './device-body.ts';
import type { SimulatedPolicy } from './policies.ts';
import { createSimulatedSensors } from './simulated-sensors.ts';
import { type Counts, createTally } from './tally.ts';
import type { Trace } from './trace.ts';
import type { Workload } from './workload.ts';

/** As the control loop: decisions between two intervals come at most so often. */
const hurryEveryMs = 50;

export type Simulated = Counts & {
  requests: number;
  energyJ: EnergyJ;
  hottestC: number;
  durationMs: number;
  /** Where there is a battery: the charge at the end, and when it came down to the reserve, if it did. */
  charge?: number;
  reserveAtMs?: number;
};

type Job = { index: number; startMs: number };
/** The policy has had its turn; without a level the active one computes. */
type HandedOver = Job & { level: number | undefined };
type Run = Job & { level: number; active: number; beganMs: number; endMs: number; cpuMs: number };

export type SimulateOptions = {
  trace: Trace;
  workload: Workload;
  device: Device;
  policy: SimulatedPolicy;
  deadlineMs: number;
  intervalMs: number;
  /** Charge whose time is noted. */
  reserve?: number;
  keepAnswers?: boolean;
};

/**
 * One device through one trace: a queue with one server, and a control loop. Time is simulated, from one event to the next: a run ends, a request
 * comes, an interval is over. What decides sees the agent's own statistics of the answers.
 *
 * INVARIANTS: every request is answered or refused; energy is what idle and runs took; the same input gives the same result.
 */
export function simulate(options: SimulateOptions): Simulated {
  const { trace, workload, device, policy, deadlineMs, intervalMs, reserve = 0 } = options;
  const { arrivalsMs, factors } = workload;
  const conditions = createConditions(trace, { sliceMs: device.sliceMs });
  const body = createDeviceBody({ device, conditions });
  const sensors = createSimulatedSensors({ device, conditions, body });
  const tally = createTally({ device, keepAnswers: options.keepAnswers ?? false });
  const leastMs = leastRunMs({ calibration: calibrationOf(device) }, { batch: 1 });
  let now = 0;
  const stats = createRequestStats({ levels: device.levels.length, monotonicMs: () => now });
  let level = policy.start;
  let arrived = 0;
  const waiting: Job[] = [];
  /** With the engine, as in the agent: one run computes, another may stand behind it. */
  let running: Run | undefined;
  let next: HandedOver | undefined;
  let lastRunMs: number | undefined;
  let missed: (PendingRequest & { atMs: number })[] = [];
  let tickMs = intervalMs;
  let hurriedMs = Number.NEGATIVE_INFINITY;
  let reserveAtMs: number | undefined;

  const pendingOf = ({ startMs }: Job): PendingRequest => ({ startMs, deadlineMs });
  const dueOf = ({ startMs }: Job) => ({ dueMs: startMs + deadlineMs, batch: 1 });

  const look = (): Omit<Situation, 'readings' | 'pending'> => ({
    nowMs: now,
    observations: stats.observations,
    inputsPerS: stats.inputsPerS(),
    level,
  });

  function decide(isEarly: boolean): void {
    missed = missed.filter(({ atMs }) => now - atMs < missedMs);
    const pending = [running, next, ...waiting].flatMap((job) => (job ? [pendingOf(job)] : []));
    pending.push(...missed);
    const decided = policy.decide({ ...look(), pending, readings: sensors.read(now) }, isEarly);
    if (decided.level === level) return;
    tally.swapped({ atMs: now, from: level, to: decided.level, reason: decided.reason });
    level = decided.level;
  }

  function hurry(): void {
    if (!policy.hurries || now - hurriedMs < hurryEveryMs) return;
    hurriedMs = now;
    decide(true);
  }

  function refuse(): void {
    tally.refused(now);
    stats.rejected();
  }

  function begin({ level: chosen, ...job }: HandedOver): void {
    const own = chosen ?? level;
    const workMs = device.levels[own].p50Ms * factors[job.index];
    const { endMs, cpuMs } = conditions.finish(now, workMs, thermalSlowdown(device, body.tempAt(now)));
    running = { ...job, level: own, active: level, beganMs: now, endMs, cpuMs };
  }

  /** Hands over to the engine what it may have, as the agent's queue does. */
  function pump(): void {
    for (;;) {
      const withEngine = Number(running !== undefined) + Number(next !== undefined);
      if (waiting.length === 0 || !mayHandOver(withEngine, lastRunMs)) return;
      const job = waiting.shift();
      if (!job) return;
      // What can no longer be in time takes nothing from those behind it.
      if (waiting.length > 0 && job.startMs + deadlineMs - now < leastMs) {
        refuse();
        missed.push({ ...pendingOf(job), atMs: now });
        hurry();
        continue;
      }
      const chosen = policy.levelFor?.(
        {
          request: dueOf(job),
          ahead: running ? { level: running.level, batch: 1, sinceMs: running.beganMs } : undefined,
          behind: waiting.slice(0, furthest).map(dueOf),
        },
        look(),
      );
      const handed = { ...job, level: chosen };
      if (running) next = handed;
      else begin(handed);
    }
  }

  function arrive(): void {
    const job = { index: arrived, startMs: now };
    arrived += 1;
    stats.arrived(1);
    if (waiting.length >= device.maxQueue || body.chargeAt(now) === 0) {
      refuse();
      return;
    }
    waiting.push(job);
    pump();
  }

  function finish(run: Run): void {
    const { startMs, active, cpuMs } = run;
    const inferMs = run.endMs - run.beganMs;
    const latencyMs = now - startMs + device.overheadMs;
    const isHit = latencyMs <= deadlineMs;
    const queueMs = run.beganMs - startMs;
    stats.answered({ level: run.level, batch: 1, startMs, latencyMs, inferMs, queueMs, deadlineMs });
    tally.answered({ atMs: startMs, level: run.level, latencyMs, active, isHit });
    body.ran({ level: run.level, cpuMs });
    sensors.ran(cpuMs);
    running = undefined;
    lastRunMs = inferMs;
    if (next) {
      const job = next;
      next = undefined;
      begin(job);
    }
    pump();
    if (!isHit) hurry();
  }

  for (;;) {
    const arrivalMs = arrived < arrivalsMs.length ? arrivalsMs[arrived] : Number.POSITIVE_INFINITY;
    const endMs = running?.endMs ?? Number.POSITIVE_INFINITY;
    const isOver = arrivalMs === Number.POSITIVE_INFINITY && !running;
    if (isOver && tickMs > trace.durationMs) break;
    now = Math.min(arrivalMs, endMs, tickMs);
    if (running && endMs <= now) finish(running);
    else if (arrivalMs <= now) arrive();
    else {
      tickMs += intervalMs;
      decide(false);
      if ((body.chargeAt(now) ?? 1) <= reserve) reserveAtMs ??= now;
    }
  }
  now = Math.max(now, trace.durationMs);
  const charge = body.chargeAt(now);
  return {
    requests: arrivalsMs.length,
    ...tally.counts(),
    energyJ: body.energyAt(now),
    hottestC: body.hottestC,
    durationMs: now,
    ...(reserveAtMs === undefined ? {} : { reserveAtMs }),
    ...(charge === undefined ? {} : { charge }),
  };
}
