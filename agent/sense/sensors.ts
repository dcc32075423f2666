import { availableParallelism } from 'node:os';
import { createBatterySensor } from './battery.ts';
import { createCgroupSensor } from './cgroup.ts';
import { type Commands, createCommands, recordedCommands } from './commands.ts';
import { createCpuSensor } from './cpu.ts';
import { type CustomReading, createCustomSensor } from './custom-reading.ts';
import { createFrequencySensor } from './frequency.ts';
import { createJetsonGpuSensor } from './jetson-gpu.ts';
import { createJetsonPowerSensor } from './jetson-power.ts';
import { createMemorySensor } from './memory.ts';
import { createNvidiaGpuSensor } from './nvidia-gpu.ts';
import { createNvpmodelSensor } from './nvpmodel.ts';
import { createOverCurrentSensor } from './over-current.ts';
import { createPsiSensor } from './psi.ts';
import { createRaplSensor } from './rapl.ts';
import { createRaspberryPiSensor } from './raspberry-pi.ts';
import type { Sensor, SensorOptions } from './sensor.ts';
import { createSysteminformationFallback } from './systeminformation-fallback.ts';
import { createTegraStats } from './tegrastats.ts';
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
  'nvpmodel',
  'nvidia_gpu',
  'rapl',
  'systeminformation',
] as const;
export type SensorName = (typeof sensorNames)[number];

/** CPU time of this process, all threads, in milliseconds. */
export function ownCpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

export type OwnUse = { cpuMs: () => number; rssBytes: () => number };

const ownUse: OwnUse = { cpuMs: ownCpuMs, rssBytes: () => process.memoryUsage.rss() };

/** Builds the named sensors over one root; on macOS and Windows the fallback joins unasked, as there is no `/proc`. */
export function createSensors(
  options: SensorOptions & {
    names: readonly SensorName[];
    readings?: readonly CustomReading[];
    monotonicMs: () => number;
    platform?: NodeJS.Platform;
    /** What this process uses; null if the sensors read another machine, as from a recorded tree. */
    own?: OwnUse | null;
    /** Default: those of this machine, or of the one that was recorded. */
    commands?: Commands;
  },
): Sensor[] {
  const { names, readings = [], root, nowMs, monotonicMs, platform = process.platform } = options;
  const own = options.own === undefined ? ownUse : options.own;
  const commands = options.commands ?? (root === '/' ? createCommands(monotonicMs) : recordedCommands(root));
  const { ask, follow } = commands;
  const readTegraStats = createTegraStats(follow, monotonicMs);
  const all: Record<SensorName, () => Sensor> = {
    cpu: () => createCpuSensor({ root, nowMs, ownCpuMs: own?.cpuMs, monotonicMs }),
    psi: () => createPsiSensor({ root, nowMs, monotonicMs }),
    cgroup: () => createCgroupSensor({ root, nowMs, monotonicMs }),
    frequency: () => createFrequencySensor({ root, nowMs }),
    memory: () => createMemorySensor({ root, nowMs, rssBytes: own?.rssBytes }),
    temperature: () => createTemperatureSensor({ root, nowMs }),
    battery: () => createBatterySensor({ root, nowMs }),
    raspberry_pi: () => createRaspberryPiSensor({ root, nowMs, monotonicMs, ask }),
    jetson_gpu: () => createJetsonGpuSensor({ root, nowMs, readTegraStats }),
    jetson_power: () => createJetsonPowerSensor({ root, nowMs, readTegraStats }),
    over_current: () => createOverCurrentSensor({ root, nowMs }),
    nvpmodel: () => createNvpmodelSensor({ root, nowMs, monotonicMs, ask }),
    nvidia_gpu: () => createNvidiaGpuSensor({ root, nowMs, monotonicMs, platform, follow }),
    rapl: () => createRaplSensor({ root, nowMs, monotonicMs }),
    systeminformation: () =>
      createSysteminformationFallback({
        platform,
        nowMs,
        ownCpuMs: own?.cpuMs ?? ownCpuMs,
        monotonicMs,
        cpus: availableParallelism(),
      }),
  };
  const wanted = new Set<SensorName>(names);
  if (platform !== 'linux') wanted.add('systeminformation');
  return [
    ...[...wanted].map((name) => all[name]()),
    ...readings.map((reading) => createCustomSensor(reading, { root, nowMs, monotonicMs, ask })),
  ].map((sensor) => ({ ...sensor, stop: () => commands.stop() }));
}
