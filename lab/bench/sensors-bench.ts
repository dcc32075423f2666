import { createSensorRunner } from '../../agent/sense/runner.ts';
import { createSensors, ownCpuMs, type SensorName, sensorNames } from '../../agent/sense/sensors.ts';
import { formatTable } from '../../terminal/table.ts';

export type SensorsBenchOptions = {
  /** Folders that hold `proc/` and `sys/`. */
  roots: string[];
  /** Readings of each sensor. */
  polls: number;
  signal: AbortSignal;
};

/** What one sensor, or all side by side, cost. */
export type SensorCost = {
  sensor: string;
  /** CPU time of this process, all threads, a reading, in milliseconds. */
  cpuMs: number;
  /** Share of one core at two readings a second. */
  coreShare: number;
  /** How many numbers it gave at last. */
  readings: number;
};

export type SensorsBenchResult = { roots: { root: string; sensors: SensorCost[] }[] };

/** The profiles' usual interval, and what the figures are for. */
const hertz = 2;
const warmUpPolls = 20;

/** The clock runs on by half a second with each reading, so that commands are asked as seldom as in an agent. */
async function measure(
  name: string,
  names: readonly SensorName[],
  root: string,
  options: SensorsBenchOptions,
) {
  let clockMs = 0;
  const monotonicMs = () => clockMs;
  const runner = createSensorRunner({
    sensors: createSensors({ root, names, nowMs: Date.now, monotonicMs }),
    monotonicMs,
  });
  let readings = 0;
  async function poll(times: number): Promise<void> {
    for (let count = 0; count < times; count += 1) {
      options.signal.throwIfAborted();
      clockMs += 1000 / hertz;
      readings = (await runner.read()).reduce((sum, report) => sum + report.readings.length, 0);
    }
  }
  try {
    await poll(warmUpPolls);
    const before = ownCpuMs();
    await poll(options.polls);
    const cpuMs = (ownCpuMs() - before) / options.polls;
    return { sensor: name, cpuMs, coreShare: (cpuMs * hertz) / 1000, readings };
  } finally {
    await runner.stop();
  }
}

/** CPU time of each sensor alone, and of all in one round as an agent reads them. Programs that they start are not counted. */
export async function runSensorsBench(options: SensorsBenchOptions): Promise<SensorsBenchResult> {
  const roots: SensorsBenchResult['roots'] = [];
  for (const root of options.roots) {
    const sensors: SensorCost[] = [];
    for (const name of sensorNames) sensors.push(await measure(name, [name], root, options));
    sensors.push(await measure('all', sensorNames, root, options));
    roots.push({ root, sensors });
  }
  return { roots };
}

export function formatSensorsBench({ roots }: SensorsBenchResult): string {
  const tables = roots.map(({ root, sensors }) =>
    formatTable(
      [
        { head: root },
        { head: 'readings', align: 'right' },
        { head: 'CPU ms a reading', align: 'right' },
        { head: `of a core at ${hertz} Hz`, align: 'right' },
      ],
      sensors.map(({ sensor, cpuMs, coreShare, readings }) => [
        sensor,
        String(readings),
        cpuMs.toFixed(3),
        `${(coreShare * 100).toFixed(3)}%`,
      ]),
    ),
  );
  return [...tables, 'all: one round of all sensors side by side, as an agent reads them'].join('\n\n');
}
