import type { Situation } from '../../agent/decide/decider.ts';
import type { Observation, PendingRequest } from '../../agent/decide/policy.ts';
import { furthest } from '../../agent/decide/relief.ts';
import type { Reading } from '../../agent/sense/sensor.ts';
import { leastRunMs } from '../../agent/serve/least-run.ts';
import { mayHandOver } from '../../agent/serve/request-queue.ts';
import { createRequestStats } from '../../agent/serve/request-stats.ts';
import { missedMs } from '../../agent/serve/serve-requests.ts';
import { createConditions } from './conditions.ts';
import { calibrationOf, type Device, nextTemp, thermalSlowdown } from './device.ts';
import type { SimulatedPolicy } from './policies.ts';
import type { Trace } from './trace.ts';
import type { Workload } from './workload.ts';

/** As the control loop: decisions between two intervals come at most so often. */
const hurryEveryMs = 50;
const heatEveryMs = 250;

export type Answer = { atMs: number; level: number; latencyMs: number };
export type Swap = { atMs: number; from: number; to: number; reason: string };

export type Simulated = {
  requests: number;
  /** Requests that found the queue full, or the battery empty. */
  refused: number;
  answered: number;
  hits: number;
  /** Mean of the answers' accuracies; NaN without answers. */
  accuracy: number;
  /** Answers of each level. */
  byLevel: number[];
  /** Changes of the active level. */
  swaps: Swap[];
  /** Answers by another level than the active one, and answers whose level is not that of the answer before. */
  relieved: number;
  changes: number;
  energyJ: { idle: number; byLevel: number[]; total: number };
  /** Where there is a battery: the charge at the end, and when it came down to the reserve, if it did. */
  charge?: number;
  reserveAtMs?: number;
  hottestC: number;
  durationMs: number;
  /** Where they were asked for. */
  answers: Answer[];
};

type Job = { index: number; startMs: number; level: number | undefined };
type Run = Job & { ran: number; active: number; beganMs: number; endMs: number; cpuMs: number };

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
 * One device through one trace: a queue with one server, a control loop, heat, a battery. Time is simulated; the answers are counted by the
 * agent's own statistics.
 *
 * INVARIANTS: every request is answered or refused; energy is what idle and runs took; the same input gives the same result.
 */
export function simulate(options: SimulateOptions): Simulated {
  const {
    trace,
    workload,
    device,
    policy,
    deadlineMs,
    intervalMs,
    reserve = 0,
    keepAnswers = false,
  } = options;
  const { arrivalsMs, factors } = workload;
  const conditions = createConditions(trace, { sliceMs: device.sliceMs });
  let now = 0;
  const stats = createRequestStats({ levels: device.levels.length, monotonicMs: () => now });
  const waiting: Job[] = [];
  let running: Run | undefined;
  let next: Job | undefined;
  let level = policy.start;
  let arrived = 0;
  let tickMs = intervalMs;
  let hurriedMs = Number.NEGATIVE_INFINITY;
  let heatMs = 0;
  let busySinceHeatMs = 0;
  let tempC = trace.segments[0].ambientC + device.thermal.cPerW * device.idleW;
  let readMs = 0;
  let busySinceReadMs = 0;
  let lastRan = -1;
  let missed: (PendingRequest & { atMs: number })[] = [];
  const leastMs = leastRunMs({ calibration: calibrationOf(device) }, { batch: 1 });
  let lastRunMs: number | undefined;
  const energy = device.levels.map(() => 0);
  const result: Simulated = {
    requests: arrivalsMs.length,
    refused: 0,
    answered: 0,
    hits: 0,
    accuracy: Number.NaN,
    byLevel: device.levels.map(() => 0),
    swaps: [],
    relieved: 0,
    changes: 0,
    energyJ: { idle: 0, byLevel: energy, total: 0 },
    hottestC: tempC,
    durationMs: trace.durationMs,
    answers: [],
  };
  let accuracySum = 0;
  let activeJ = 0;

  const chargeNow = (): number | undefined => {
    if (!device.battery) return undefined;
    const spentWh = (activeJ + (device.idleW * now) / 1000) / 3600;
    return Math.max(0, device.battery.startCharge - spentWh / device.battery.capacityWh);
  };

  function heat(): void {
    while (heatMs + heatEveryMs <= now) {
      heatMs += heatEveryMs;
      const busy = Math.min(1, busySinceHeatMs / heatEveryMs);
      busySinceHeatMs = Math.max(0, busySinceHeatMs - heatEveryMs);
      const { ambientC } = conditions.at(heatMs);
      const powerW = device.idleW + device.activeW * busy;
      tempC = nextTemp(device, { tempC, powerW, ambientC, elapsedMs: heatEveryMs });
      result.hottestC = Math.max(result.hottestC, tempC);
    }
  }

  /** What the agent's sensors would read. */
  function sense(): Reading[] {
    const contenders = conditions.meanContenders(readMs, now);
    const own = now > readMs ? Math.min(1, busySinceReadMs / (now - readMs)) : 0;
    readMs = now;
    busySinceReadMs = 0;
    const others = Math.min(1 - own / device.cores, contenders);
    const charge = chargeNow();
    const one = (name: string, value: number, labels?: Record<string, string>): Reading => ({
      name,
      value,
      unit: '',
      atMs: now,
      ...(labels ? { labels } : {}),
    });
    return [
      one('cpu_busy', Math.min(1, others + own / device.cores)),
      // Ours is the busiest core; the agent has no such sensor, thresholds need it.
      one('core_busy', Math.min(1, own + contenders)),
      one('cpu_others', others),
      one('psi_cpu_some', Math.min(1, Math.max(0, contenders - 1) + own * Math.min(1, contenders))),
      one('temperature', Math.round(tempC * 10) / 10, { type: 'cpu-thermal' }),
      // Gauges tell whole percents.
      ...(charge === undefined
        ? []
        : [
            one('battery_charge', Math.round(charge * 100) / 100, { supply: 'BAT0' }),
            one('battery_discharging', 1, { supply: 'BAT0' }),
          ]),
    ];
  }

  const pendingOf = ({ startMs }: Job): PendingRequest => ({ startMs, deadlineMs });
  const dueOf = ({ startMs }: Job) => ({ dueMs: startMs + deadlineMs, batch: 1 });

  const look = (): Omit<Situation, 'readings' | 'pending'> => ({
    nowMs: now,
    observations: stats.observations,
    inputsPerS: stats.inputsPerS(),
    level,
  });

  function decide(isEarly: boolean): void {
    heat();
    missed = missed.filter(({ atMs }) => now - atMs < missedMs);
    const pending = [running, next, ...waiting].flatMap((job) => (job ? [pendingOf(job)] : []));
    pending.push(...missed);
    const decided = policy.decide({ ...look(), pending, readings: sense() }, isEarly);
    if (decided.level === level) return;
    result.swaps.push({ atMs: now, from: level, to: decided.level, reason: decided.reason });
    level = decided.level;
  }

  function begin(job: Job): void {
    heat();
    const ran = job.level ?? level;
    const workMs = device.levels[ran].p50Ms * factors[job.index];
    const { endMs, cpuMs } = conditions.finish(now, workMs, thermalSlowdown(device, tempC));
    running = { ...job, ran, active: level, beganMs: now, endMs, cpuMs };
  }

  function pump(): void {
    for (;;) {
      const withEngine = Number(running !== undefined) + Number(next !== undefined);
      if (waiting.length === 0 || !mayHandOver(withEngine, lastRunMs)) return;
      const job = waiting.shift();
      if (!job) return;
      // As the agent's queue: what can no longer be in time takes nothing from those behind it.
      if (waiting.length > 0 && job.startMs + deadlineMs - now < leastMs) {
        result.refused += 1;
        stats.rejected();
        missed.push({ ...pendingOf(job), atMs: now });
        hurry();
        continue;
      }
      const chosen = policy.levelFor?.(
        {
          request: dueOf(job),
          ahead: running ? { level: running.ran, batch: 1, sinceMs: running.beganMs } : undefined,
          behind: waiting.slice(0, furthest).map(dueOf),
        },
        look(),
      );
      const handed = { ...job, level: chosen };
      if (running) {
        next = handed;
      } else begin(handed);
    }
  }

  function arrive(): void {
    const job = { index: arrived, startMs: now, level: undefined };
    arrived += 1;
    stats.arrived(1);
    if (waiting.length >= device.maxQueue || chargeNow() === 0) {
      result.refused += 1;
      stats.rejected();
      return;
    }
    waiting.push(job);
    pump();
  }

  function finish(run: Run): void {
    const inferMs = run.endMs - run.beganMs;
    const latencyMs = now - run.startMs + device.overheadMs;
    const isHit = latencyMs <= deadlineMs;
    const observation: Observation = {
      level: run.ran,
      batch: 1,
      startMs: run.startMs,
      latencyMs,
      inferMs,
      queueMs: run.beganMs - run.startMs,
      deadlineMs,
    };
    stats.answered(observation);
    result.answered += 1;
    result.hits += Number(isHit);
    result.byLevel[run.ran] += 1;
    accuracySum += device.levels[run.ran].accuracy;
    if (run.ran !== run.active) result.relieved += 1;
    if (lastRan >= 0 && lastRan !== run.ran) result.changes += 1;
    lastRan = run.ran;
    const spentJ = (device.activeW * run.cpuMs) / 1000;
    energy[run.ran] += spentJ;
    activeJ += spentJ;
    busySinceHeatMs += run.cpuMs;
    busySinceReadMs += run.cpuMs;
    if (keepAnswers) result.answers.push({ atMs: run.startMs, level: run.ran, latencyMs });
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

  function hurry(): void {
    if (!policy.hurries || now - hurriedMs < hurryEveryMs) return;
    hurriedMs = now;
    decide(true);
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
      if (result.reserveAtMs === undefined && (chargeNow() ?? 1) <= reserve) result.reserveAtMs = now;
    }
  }
  now = Math.max(now, trace.durationMs);
  result.durationMs = now;
  result.accuracy = accuracySum / result.answered;
  result.energyJ.idle = (device.idleW * now) / 1000;
  result.energyJ.total = result.energyJ.idle + energy.reduce((sum, one) => sum + one, 0);
  const charge = chargeNow();
  if (charge !== undefined) result.charge = charge;
  return result;
}
