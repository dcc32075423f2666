import type { BatteryGoal } from '../../agent/decide/battery-plan.ts';
import type { Profile } from '../../agent/profile/schema.ts';
import { createRandom, mixSeed } from '../../trainer/random.ts';
import { createPolicy, type PolicyName } from './compare.ts';
import type { Device } from './device.ts';
import { type Simulated, simulate } from './simulate.ts';
import type { Trace } from './trace.ts';
import { drawWorkload, type Workload } from './workload.ts';

/** A battery, how long it shall last, and what is asked of it meanwhile. */
export type BatteryScenario = { trace: Trace; workload: Workload; device: Device; goal: BatteryGoal };

/** How long a policy lasted, of the time that was asked for; 1 where the reserve was never reached. */
export type BatteryOutcome = {
  name: string;
  /** Whether the sparsest level alone lasts. */
  isPossible: boolean;
  lasted: Record<BatteryPolicy, number>;
  accuracy: Record<BatteryPolicy, number>;
  /** Charge above the reserve that was left at the end. */
  left: Record<BatteryPolicy, number>;
  swaps: number;
};

export const batteryPolicies = ['ebb', 'densest', 'sparsest'] as const satisfies readonly PolicyName[];
type BatteryPolicy = (typeof batteryPolicies)[number];

const reserve = 0.1;
const minuteMs = 60_000;

/** `count` scenarios; capacities from what the sparsest level hardly lasts on to what the densest one hardly uses up. */
export function drawBatteryScenarios(options: {
  count: number;
  seed: number;
  device: Device;
  lastForMs: number;
}): BatteryScenario[] {
  const { count, seed, device, lastForMs } = options;
  return Array.from({ length: count }, (_, i) => {
    const random = createRandom(mixSeed(seed, 'battery', i));
    const rate = 2 + 10 * random.uniform();
    const segments: Trace['segments'] = [];
    for (let ms = 0; ms < lastForMs; ms += (2 + 18 * random.uniform()) * minuteMs)
      segments.push({
        atMs: ms,
        slowdown: random.uniform() < 0.3 ? 1 + 1.5 * random.uniform() : 1,
        contenders: random.uniform() < 0.2 ? 2 * random.uniform() : 0,
        requestsPerS: rate * (0.5 + random.uniform()),
        ambientC: 25,
      });
    const trace: Trace = {
      name: `battery-${i + 1}`,
      kind: 'battery',
      source: `drawn with seed ${seed}`,
      durationMs: lastForMs,
      arrivals: 'poisson',
      segments,
    };
    const workload = drawWorkload(trace, device, seed);
    const energyWh = (level: number) =>
      ((device.idleW * lastForMs) / 1000 +
        (workload.arrivalsMs.length * device.activeW * device.levels[level].p50Ms) / 1000) /
      3600;
    const sparsest = energyWh(device.levels.length - 1);
    const usableWh = sparsest * 0.97 + (energyWh(0) * 1.05 - sparsest * 0.97) * random.uniform();
    const battery = { capacityWh: usableWh / (1 - reserve), startCharge: 1 };
    return { trace, workload, device: { ...device, battery }, goal: { lastForMs, reserve } };
  });
}

export function runBatteryScenario(
  { trace, workload, device, goal }: BatteryScenario,
  profile: Profile,
): BatteryOutcome {
  const common = {
    trace,
    workload,
    device,
    deadlineMs: profile.deadlineMs,
    intervalMs: profile.intervalMs,
    reserve: goal.reserve,
  };
  const run = (name: BatteryPolicy) =>
    simulate({ ...common, policy: createPolicy(name, { device, profile: { ...profile, battery: goal } }) });
  const results = { ebb: run('ebb'), densest: run('densest'), sparsest: run('sparsest') };
  const each = (of: (one: Simulated) => number) => ({
    ebb: of(results.ebb),
    densest: of(results.densest),
    sparsest: of(results.sparsest),
  });
  return {
    name: trace.name,
    isPossible: results.sparsest.reserveAtMs === undefined,
    lasted: each(({ reserveAtMs }) => (reserveAtMs ?? goal.lastForMs) / goal.lastForMs),
    accuracy: each(({ accuracy }) => accuracy),
    left: each(({ charge = 0 }) => charge - goal.reserve),
    swaps: results.ebb.swaps.length,
  };
}
