import { join } from 'node:path';
import { leastOf, parseCpuMax, parseStat, readOfGroup } from './cgroup-files.ts';
import { createGroupFinder, type GroupFolders } from './cgroup-groups.ts';
import { readMemoryLimit, readMemoryUsed } from './cgroup-memory.ts';
import { readBounded } from './read-bounded.ts';
import type { NoData, Reading, Sensor, SensorOptions } from './sensor.ts';

export type CgroupSensorOptions = SensorOptions & { monotonicMs: () => number };

/** What a container may use, and how often it was held back. */
type Share = {
  cores?: number | undefined;
  memoryLimitBytes?: number | undefined;
  memoryUsedBytes?: number | undefined;
  /** Since the group was made. */
  throttledUs?: number | undefined;
};

/** Cores that one group may use: Documentation/admin-guide/cgroup-v2.rst, Documentation/scheduler/sched-bwc.rst. */
async function readCores(folder: string, version: 1 | 2): Promise<number | undefined> {
  if (version === 2) {
    const text = await readBounded(join(folder, 'cpu.max'), 256);
    return text === undefined ? undefined : parseCpuMax(text);
  }
  const quota = await readBounded(join(folder, 'cpu.cfs_quota_us'), 64);
  const period = await readBounded(join(folder, 'cpu.cfs_period_us'), 64);
  if (quota === undefined || period === undefined) return undefined;
  return parseCpuMax(`${quota.trim() === '-1' ? 'max' : quota.trim()} ${period.trim()}`);
}

async function readThrottledUs(groups: GroupFolders): Promise<number | undefined> {
  const stat = (await readOfGroup(groups, 'cpu.stat')) ?? '';
  if (groups.version === 2) return parseStat(stat, 'throttled_usec');
  const throttledNs = parseStat(stat, 'throttled_time');
  return throttledNs === undefined ? undefined : throttledNs / 1000;
}

async function readShare({ cpu, memory }: { cpu?: GroupFolders; memory?: GroupFolders }): Promise<Share> {
  return {
    cores: cpu && (await leastOf(cpu, (folder) => readCores(folder, cpu.version))),
    memoryLimitBytes: memory && (await readMemoryLimit(memory)),
    memoryUsedBytes: memory && (await readMemoryUsed(memory)),
    throttledUs: cpu && (await readThrottledUs(cpu)),
  };
}

/**
 * `cgroup_cpu_limit` (cores) and `cgroup_memory_limit` (bytes): the least that this process's group and its ancestors allow, where they limit at all;
 * `cgroup_memory_used`; `cgroup_throttled`: the time since the last read for which the group's threads were held back by their quota, over the
 * time that has passed (several threads can be held back at once).
 */
export function createCgroupSensor({ root, nowMs, monotonicMs }: CgroupSensorOptions): Sensor {
  const findGroups = createGroupFinder(root);
  let last: { throttledUs: number; monotonicMs: number } | undefined;

  function throttled(throttledUs: number | undefined): number | undefined {
    if (throttledUs === undefined) return undefined;
    const before = last;
    last = { throttledUs, monotonicMs: monotonicMs() };
    const wallUs = before ? (last.monotonicMs - before.monotonicMs) * 1000 : 0;
    // A process that was moved to another group counts anew.
    return before && wallUs > 0 && throttledUs >= before.throttledUs
      ? (throttledUs - before.throttledUs) / wallUs
      : undefined;
  }

  return {
    name: 'cgroup',
    async read(): Promise<Reading[] | NoData> {
      const groups = await findGroups();
      if (groups === undefined) return { noData: 'this process is in no control group' };
      const share = await readShare(groups);
      const atMs = nowMs();
      const one = (name: string, value: number | undefined, unit: string): Reading[] =>
        value === undefined || !Number.isFinite(value) ? [] : [{ name, value, unit, atMs }];
      const held = throttled(share.throttledUs);
      const readings = [
        ...one('cgroup_cpu_limit', share.cores, 'cores'),
        ...one('cgroup_memory_limit', share.memoryLimitBytes, 'bytes'),
        ...one('cgroup_memory_used', share.memoryUsedBytes, 'bytes'),
        ...one('cgroup_throttled', held, 'ratio'),
      ];
      return readings.length > 0
        ? readings
        : { noData: 'the control groups of this process set it no limit' };
    },
  };
}
