import { join } from 'node:path';
import { readBounded } from './read-bounded.ts';
import type { NoData, Reading, Sensor, SensorOptions } from './sensor.ts';

/**
 * Parses a pressure file (Documentation/accounting/psi.rst): microseconds since boot in which some, or all, tasks waited.
 * `total` is used since its difference covers exactly the time between two reads; avg10 lags.
 */
export function parsePressure(text: string): { someUs: number; fullUs?: number } | undefined {
  const total = (kind: string) => {
    const digits = new RegExp(`^${kind} .*\\btotal=(\\d+)`, 'm').exec(text)?.[1];
    return digits === undefined ? undefined : Number(digits);
  };
  const someUs = total('some');
  const fullUs = total('full');
  if (someUs === undefined || !Number.isSafeInteger(someUs)) return undefined;
  return fullUs === undefined || !Number.isSafeInteger(fullUs) ? { someUs } : { someUs, fullUs };
}

export type PsiSensorOptions = SensorOptions & { monotonicMs: () => number };

const cure = 'add psi=1 to the kernel command line';

function isTooOld(kernel: string | undefined): boolean {
  const [, major, minor] = /^(\d{1,3})\.(\d{1,3})\b/.exec(kernel ?? '') ?? [];
  return major !== undefined && (Number(major) < 4 || (major === '4' && Number(minor) < 20));
}

/** Share of the time since the last read in which some task waited for the CPU (`psi_cpu_some`) or for memory (`psi_memory_*`). */
export function createPsiSensor({ root, nowMs, monotonicMs }: PsiSensorOptions): Sensor {
  const last = new Map<string, { totalUs: number; monotonicMs: number }>();

  function difference(name: string, totalUs: number | undefined): Reading[] {
    if (totalUs === undefined) return [];
    const before = last.get(name);
    const now = { totalUs, monotonicMs: monotonicMs() };
    last.set(name, now);
    const wallUs = before ? (now.monotonicMs - before.monotonicMs) * 1000 : 0;
    // A counter that went backwards says nothing of this interval.
    if (!before || wallUs <= 0 || totalUs < before.totalUs) return [];
    const value = Math.min(1, (totalUs - before.totalUs) / wallUs);
    return [{ name, value, unit: 'ratio', atMs: nowMs() }];
  }

  return {
    name: 'psi',
    async read(): Promise<Reading[] | NoData> {
      const [cpu, memory] = await Promise.all(
        ['cpu', 'memory'].map(async (resource) => {
          const text = await readBounded(join(root, 'proc/pressure', resource), 512);
          return text === undefined ? undefined : parsePressure(text);
        }),
      );
      if (!cpu && !memory) {
        const kernel = (await readBounded(join(root, 'proc/sys/kernel/osrelease'), 128))?.trim();
        return isTooOld(kernel)
          ? { noData: `kernel ${kernel} is older than 4.20, the first with /proc/pressure` }
          : { noData: 'the kernel gives no /proc/pressure', cure };
      }
      const readings = [
        ...difference('psi_cpu_some', cpu?.someUs),
        ...difference('psi_memory_some', memory?.someUs),
        ...difference('psi_memory_full', memory?.fullUs),
      ];
      return readings.length > 0 ? readings : { noData: 'two reads are needed', soon: true };
    },
  };
}
