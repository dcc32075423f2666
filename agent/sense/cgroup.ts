import { join } from 'node:path';
import {
  type CgroupPaths,
  leastLimit,
  parseCgroupPaths,
  parseCpuMax,
  parseMemoryLimit,
  parseStat,
  readOfGroup,
} from './cgroup-files.ts';
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

/** Documentation/admin-guide/cgroup-v2.rst. */
async function readVersion2(root: string, path: string): Promise<Share> {
  const mount = join(root, 'sys/fs/cgroup');
  const limit = (file: string, parse: (text: string) => number | undefined) =>
    leastLimit(mount, path, async (group) => {
      const text = await readBounded(join(group, file), 256);
      return text === undefined ? undefined : parse(text);
    });
  const [cores, memoryLimitBytes, used, stat] = await Promise.all([
    limit('cpu.max', parseCpuMax),
    limit('memory.max', parseMemoryLimit),
    readOfGroup(mount, path, 'memory.current'),
    readOfGroup(mount, path, 'cpu.stat'),
  ]);
  const memoryUsedBytes = used === undefined ? undefined : parseMemoryLimit(used);
  const throttledUs = stat === undefined ? undefined : parseStat(stat, 'throttled_usec');
  return { cores, memoryLimitBytes, memoryUsedBytes, throttledUs };
}

/** Documentation/scheduler/sched-bwc.rst, Documentation/admin-guide/cgroup-v1/memory.rst. */
async function readVersion1(root: string, paths: CgroupPaths & { version: 1 }): Promise<Share> {
  const cpu = join(root, 'sys/fs/cgroup/cpu');
  const memory = join(root, 'sys/fs/cgroup/memory');
  const { cpu: cpuPath = '/', memory: memoryPath = '/' } = paths;
  const [cores, memoryLimitBytes, used, stat] = await Promise.all([
    leastLimit(cpu, cpuPath, async (group) => {
      const quota = await readBounded(join(group, 'cpu.cfs_quota_us'), 64);
      const period = await readBounded(join(group, 'cpu.cfs_period_us'), 64);
      if (quota === undefined || period === undefined) return undefined;
      return parseCpuMax(`${quota.trim() === '-1' ? 'max' : quota.trim()} ${period.trim()}`);
    }),
    leastLimit(memory, memoryPath, async (group) => {
      const text = await readBounded(join(group, 'memory.limit_in_bytes'), 64);
      return text === undefined ? undefined : parseMemoryLimit(text);
    }),
    readOfGroup(memory, memoryPath, 'memory.usage_in_bytes'),
    readOfGroup(cpu, cpuPath, 'cpu.stat'),
  ]);
  const memoryUsedBytes = used === undefined ? undefined : parseMemoryLimit(used);
  const throttledNs = stat === undefined ? undefined : parseStat(stat, 'throttled_time');
  const throttledUs = throttledNs === undefined ? undefined : throttledNs / 1000;
  return { cores, memoryLimitBytes, memoryUsedBytes, throttledUs };
}

/**
 * `cgroup_cpu_limit` (cores) and `cgroup_memory_limit` (bytes): the least that this process's group and its ancestors allow, where they limit at all;
 * `cgroup_memory_used`; `cgroup_throttled`: the time since the last read for which the group's threads were held back by their quota, over the
 * time that has passed (several threads can be held back at once).
 */
export function createCgroupSensor({ root, nowMs, monotonicMs }: CgroupSensorOptions): Sensor {
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
      const text = await readBounded(join(root, 'proc/self/cgroup'), 4096);
      const paths = text === undefined ? undefined : parseCgroupPaths(text);
      if (paths === undefined) return { noData: 'this process is in no control group' };
      const share = await (paths.version === 2 ? readVersion2(root, paths.path) : readVersion1(root, paths));
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
        : { noData: `control groups of version ${paths.version} set this process no limit` };
    },
  };
}
