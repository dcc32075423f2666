import type { NoData, Reading, Sensor } from './sensor.ts';

export type FallbackOptions = {
  platform: NodeJS.Platform;
  nowMs: () => number;
  ownCpuMs: () => number;
  monotonicMs: () => number;
  cpus: number;
};

/** CPU load and memory through the systeminformation package, where there is no `/proc`: macOS and Windows. */
export function createSysteminformationFallback(options: FallbackOptions): Sensor {
  const { platform, nowMs, ownCpuMs, monotonicMs, cpus } = options;
  let last: { ownMs: number; atMs: number } | undefined;
  return {
    name: 'systeminformation',
    async read(): Promise<Reading[] | NoData> {
      if (platform === 'linux') return { noData: 'the other sensors read Linux better' };
      const { default: si } = await import('systeminformation');
      const [load, memory] = await Promise.all([si.currentLoad(), si.mem()]);
      const now = { ownMs: ownCpuMs(), atMs: monotonicMs() };
      const before = last;
      last = now;
      const own =
        before && now.atMs > before.atMs ? (now.ownMs - before.ownMs) / ((now.atMs - before.atMs) * cpus) : 0;
      const busy = load.currentLoad / 100;
      const atMs = nowMs();
      return [
        { name: 'cpu_busy', value: busy, unit: 'ratio', atMs },
        { name: 'cpu_others', value: Math.min(1, Math.max(0, busy - own)), unit: 'ratio', atMs },
        { name: 'memory_available', value: memory.available, unit: 'bytes', atMs },
        { name: 'memory_total', value: memory.total, unit: 'bytes', atMs },
      ].filter((reading) => Number.isFinite(reading.value));
    },
  };
}
