import { join } from 'node:path';
import { readBounded } from './read-bounded.ts';
import type { NoData, Reading, Sensor, SensorOptions } from './sensor.ts';

/** Clock ticks since boot, summed over all CPUs. */
export type CpuTicks = { busy: number; steal: number; idle: number; total: number; cpus: number };

/**
 * Parses `/proc/stat` (proc_stat(5)): `cpu user nice system idle iowait irq softirq steal guest guest_nice`.
 * Guest time is already inside user and nice. Steal counts as busy: the hypervisor gave the CPU to somebody else.
 */
export function parseProcStat(text: string): CpuTicks | undefined {
  const fields = /^cpu +(.*)$/m.exec(text)?.[1]?.trim().split(/ +/).map(Number);
  if (!fields || fields.length < 4 || fields.some((field) => !Number.isFinite(field) || field < 0))
    return undefined;
  const [user, nice, system, idle, iowait = 0, irq = 0, softirq = 0, steal = 0] = fields;
  const busy = user + nice + system + irq + softirq + steal;
  const cpus = text.match(/^cpu\d+ /gm)?.length ?? 1;
  return { busy, steal, idle: idle + iowait, total: busy + idle + iowait, cpus };
}

export type CpuSensorOptions = SensorOptions & {
  /** CPU time this process has used so far, all threads, in milliseconds. Absent: it runs on another machine. */
  ownCpuMs?: (() => number) | undefined;
  /** Monotonic, for the rate of `ownCpuMs`. */
  monotonicMs: () => number;
};

/** The kernel counts 100 ticks a second for each CPU: none in a tenth of a second means that it does not count. */
const standsStillMs = 100;

const ratio = (value: number) => Math.min(1, Math.max(0, value));

/**
 * Share of all CPU time since the last read: `cpu_busy`, `cpu_steal`, and `cpu_others`, what others than this process used.
 * The first read sets the mark and has no data.
 */
export function createCpuSensor(options: CpuSensorOptions): Sensor {
  const { root, nowMs, ownCpuMs, monotonicMs } = options;
  let last: { ticks: CpuTicks; ownMs: number; monotonicMs: number } | undefined;
  return {
    name: 'cpu',
    async read(): Promise<Reading[] | NoData> {
      const text = await readBounded(join(root, 'proc/stat'));
      if (text === undefined) return { noData: 'there is no /proc/stat' };
      const ticks = parseProcStat(text);
      if (!ticks) return { noData: '/proc/stat has no line "cpu" with at least 4 numbers' };
      if (ticks.total === 0) return { noData: 'the counters of /proc/stat stand still at 0, as in gVisor' };
      const before = last;
      last = { ticks, ownMs: ownCpuMs?.() ?? 0, monotonicMs: monotonicMs() };
      if (!before) return { noData: 'two reads are needed, at least 10 ms apart', soon: true };
      const since = (counter: 'busy' | 'steal' | 'idle' | 'total') => ticks[counter] - before.ticks[counter];
      const wallMs = last.monotonicMs - before.monotonicMs;
      // As after a CPU was switched off, or by an error of the kernel: the next interval counts from here.
      if ((['busy', 'steal', 'idle'] as const).some((counter) => since(counter) < 0))
        return { noData: 'the counters of /proc/stat went backwards', soon: true };
      if (ticks.cpus !== before.ticks.cpus)
        return { noData: 'the number of CPUs in /proc/stat changed', soon: true };
      const total = since('total');
      if (total === 0)
        return wallMs < standsStillMs
          ? { noData: 'two reads are needed, at least 10 ms apart', soon: true }
          : { noData: 'the counters of /proc/stat stand still' };
      const busy = ratio(since('busy') / total);
      const steal = ratio(since('steal') / total);
      const own = wallMs > 0 ? (last.ownMs - before.ownMs) / (wallMs * ticks.cpus) : 0;
      const reading = (name: string, value: number): Reading => ({
        name,
        value,
        unit: 'ratio',
        atMs: nowMs(),
      });
      return [
        reading('cpu_busy', busy),
        reading('cpu_steal', steal),
        ...(ownCpuMs ? [reading('cpu_others', ratio(busy - own))] : []),
      ];
    },
  };
}
