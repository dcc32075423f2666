import { join } from 'node:path';
import { listBounded, readBounded } from './read-bounded.ts';
import type { NoData, Reading, Sensor, SensorOptions } from './sensor.ts';

const maxCpus = 256;

/** Parses a file of cpufreq (Documentation/admin-guide/pm/cpufreq.rst), kHz. @returns hertz. */
export function parseFrequencyHz(text: string | undefined): number | undefined {
  if (text === undefined || !/^\d{1,9}\s*$/.test(text)) return undefined;
  const hertz = Number(text) * 1000;
  return hertz > 0 ? hertz : undefined;
}

/**
 * `cpu_frequency`: the mean of all CPUs now; `cpu_frequency_cap`: the lowest share of its hardware's maximum that a CPU may reach, below 1 where
 * the governor, heat or a power mode holds it down.
 */
export function createFrequencySensor({ root, nowMs }: SensorOptions): Sensor {
  const folder = join(root, 'sys/devices/system/cpu');
  return {
    name: 'frequency',
    async read(): Promise<Reading[] | NoData> {
      const cpus = (await listBounded(folder)).filter((name) => /^cpu\d+$/.test(name)).slice(0, maxCpus);
      const read = async (cpu: string, file: string) =>
        parseFrequencyHz(await readBounded(join(folder, cpu, 'cpufreq', file), 64));
      const known = await Promise.all(
        cpus.map(async (cpu) => ({
          now: await read(cpu, 'scaling_cur_freq'),
          allowed: await read(cpu, 'scaling_max_freq'),
          possible: await read(cpu, 'cpuinfo_max_freq'),
        })),
      );
      const now = known.flatMap((cpu) => cpu.now ?? []);
      const caps = known.flatMap(({ allowed, possible }) =>
        allowed !== undefined && possible !== undefined ? [Math.min(1, allowed / possible)] : [],
      );
      if (now.length === 0 && caps.length === 0)
        return {
          noData: 'the kernel gives no /sys/devices/system/cpu/cpu*/cpufreq, as in most virtual machines',
        };
      const atMs = nowMs();
      const mean = now.reduce((sum, hertz) => sum + hertz, 0) / now.length;
      return [
        ...(now.length > 0 ? [{ name: 'cpu_frequency', value: mean, unit: 'hertz', atMs }] : []),
        ...(caps.length > 0
          ? [{ name: 'cpu_frequency_cap', value: Math.min(...caps), unit: 'ratio', atMs }]
          : []),
      ];
    },
  };
}
