import { join } from 'node:path';
import { createGroupFinder } from './cgroup-groups.ts';
import { readMemoryHeadroom, readMemoryLimit } from './cgroup-memory.ts';
import { readBounded } from './read-bounded.ts';
import type { NoData, Reading, Sensor, SensorOptions } from './sensor.ts';

/** Parses `/proc/meminfo`: what can still be had without swapping (kernel 3.14 and newer), and all there is, in bytes. */
export function parseMeminfo(text: string): { availableBytes: number; totalBytes: number } | undefined {
  const bytes = (field: string) => {
    const digits = new RegExp(`^${field}: +(\\d+) kB$`, 'm').exec(text)?.[1];
    return digits === undefined ? undefined : Number(digits) * 1024;
  };
  const availableBytes = bytes('MemAvailable');
  const totalBytes = bytes('MemTotal');
  if (availableBytes === undefined || totalBytes === undefined) return undefined;
  return { availableBytes, totalBytes };
}

export type MemorySensorOptions = SensorOptions & {
  /** Absent: of a process of another machine. */ rssBytes?: (() => number) | undefined;
};

/**
 * `memory_available`: what this process can still have without swapping, the less of the machine's MemAvailable and of what its control group and
 * all ancestors leave below their limits; `memory_total`, within those limits; and `process_rss` of this process.
 */
export function createMemorySensor({ root, nowMs, rssBytes }: MemorySensorOptions): Sensor {
  const findGroups = createGroupFinder(root);
  return {
    name: 'memory',
    async read(): Promise<Reading[] | NoData> {
      const text = await readBounded(join(root, 'proc/meminfo'), 4096);
      if (text === undefined) return { noData: 'there is no /proc/meminfo' };
      const memory = parseMeminfo(text);
      if (!memory) return { noData: '/proc/meminfo lacks MemAvailable or MemTotal' };
      const { memory: groups } = (await findGroups()) ?? {};
      const headroom = groups && (await readMemoryHeadroom(groups));
      const limit = groups && (await readMemoryLimit(groups));
      const availableBytes = Math.min(memory.availableBytes, headroom ?? memory.availableBytes);
      const totalBytes = Math.min(memory.totalBytes, limit ?? memory.totalBytes);
      const atMs = nowMs();
      return [
        { name: 'memory_available', value: availableBytes, unit: 'bytes', atMs },
        { name: 'memory_total', value: totalBytes, unit: 'bytes', atMs },
        ...(rssBytes ? [{ name: 'process_rss', value: rssBytes(), unit: 'bytes', atMs }] : []),
      ];
    },
  };
}
