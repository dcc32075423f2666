import { availableParallelism } from 'node:os';
import { createBatterySensor } from './battery.ts';
import { createCpuSensor } from './cpu.ts';
import { createMemorySensor } from './memory.ts';
import { createPsiSensor } from './psi.ts';
import type { Sensor, SensorOptions } from './sensor.ts';
import { createSysteminformationFallback } from './systeminformation-fallback.ts';
import { createTemperatureSensor } from './temperature.ts';

export const sensorNames = ['cpu', 'psi', 'memory', 'temperature', 'battery', 'systeminformation'] as const;
export type SensorName = (typeof sensorNames)[number];

/** CPU time of this process, all threads, in milliseconds. */
export function ownCpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** Builds the named sensors over one root; on macOS and Windows the fallback joins unasked, as there is no `/proc`. */
export function createSensors(
  options: SensorOptions & {
    names: readonly SensorName[];
    monotonicMs: () => number;
    platform?: NodeJS.Platform;
  },
): Sensor[] {
  const { names, root, nowMs, monotonicMs, platform = process.platform } = options;
  const all: Record<SensorName, () => Sensor> = {
    cpu: () => createCpuSensor({ root, nowMs, ownCpuMs, monotonicMs }),
    psi: () => createPsiSensor({ root, nowMs, monotonicMs }),
    memory: () => createMemorySensor({ root, nowMs, rssBytes: () => process.memoryUsage.rss() }),
    temperature: () => createTemperatureSensor({ root, nowMs }),
    battery: () => createBatterySensor({ root, nowMs }),
    systeminformation: () =>
      createSysteminformationFallback({
        platform,
        nowMs,
        ownCpuMs,
        monotonicMs,
        cpus: availableParallelism(),
      }),
  };
  const wanted = new Set<SensorName>(names);
  if (platform !== 'linux') wanted.add('systeminformation');
  return [...wanted].map((name) => all[name]());
}
