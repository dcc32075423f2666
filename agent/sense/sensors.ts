import { availableParallelism } from 'node:os';
import { type AskCommand, askCommand } from './ask-command.ts';
import { createBatterySensor } from './battery.ts';
import { createCgroupSensor } from './cgroup.ts';
import { createCpuSensor } from './cpu.ts';
import { type CustomReading, createCustomSensor } from './custom-reading.ts';
import { createFrequencySensor } from './frequency.ts';
import { createJetsonGpuSensor } from './jetson-gpu.ts';
import { createJetsonPowerSensor } from './jetson-power.ts';
import { createMemorySensor } from './memory.ts';
import { createOverCurrentSensor } from './over-current.ts';
import { createPsiSensor } from './psi.ts';
import { createRaplSensor } from './rapl.ts';
import { createRaspberryPiSensor } from './raspberry-pi.ts';
import type { Sensor, SensorOptions } from './sensor.ts';
import { createSysteminformationFallback } from './systeminformation-fallback.ts';
import { createTemperatureSensor } from './temperature.ts';

export const sensorNames = [
  'cpu',
  'psi',
  'cgroup',
  'frequency',
  'memory',
  'temperature',
  'battery',
  'raspberry_pi',
  'jetson_gpu',
  'jetson_power',
  'over_current',
  'rapl',
  'systeminformation',
] as const;
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
    readings?: readonly CustomReading[];
    monotonicMs: () => number;
    platform?: NodeJS.Platform;
  },
): Sensor[] {
  const { names, readings = [], root, nowMs, monotonicMs, platform = process.platform } = options;
  // Commands tell of this machine, not of one that was recorded.
  const ask: AskCommand = root === '/' ? askCommand : async () => undefined;
  const all: Record<SensorName, () => Sensor> = {
    cpu: () => createCpuSensor({ root, nowMs, ownCpuMs, monotonicMs }),
    psi: () => createPsiSensor({ root, nowMs, monotonicMs }),
    cgroup: () => createCgroupSensor({ root, nowMs, monotonicMs }),
    frequency: () => createFrequencySensor({ root, nowMs }),
    memory: () => createMemorySensor({ root, nowMs, rssBytes: () => process.memoryUsage.rss() }),
    temperature: () => createTemperatureSensor({ root, nowMs }),
    battery: () => createBatterySensor({ root, nowMs }),
    raspberry_pi: () => createRaspberryPiSensor({ root, nowMs, monotonicMs, ask }),
    jetson_gpu: () => createJetsonGpuSensor({ root, nowMs }),
    jetson_power: () => createJetsonPowerSensor({ root, nowMs }),
    over_current: () => createOverCurrentSensor({ root, nowMs }),
    rapl: () => createRaplSensor({ root, nowMs, monotonicMs }),
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
  return [
    ...[...wanted].map((name) => all[name]()),
    ...readings.map((reading) => createCustomSensor(reading, { root, nowMs, monotonicMs, ask })),
  ];
}
