import { describe, expect, it } from 'vitest';
import { createCgroupSensor } from '../../../agent/sense/cgroup.ts';
import { parseCgroupPaths, parseCpuMax, parseMemoryLimit } from '../../../agent/sense/cgroup-files.ts';
import { put, writeTree } from './write-tree.ts';

async function read(root: string, clock = { ms: 0 }) {
  const sensor = createCgroupSensor({ root, nowMs: () => 1000, monotonicMs: () => clock.ms });
  return async () => {
    const result = await sensor.read();
    return Array.isArray(result)
      ? Object.fromEntries(result.map(({ name, value }) => [name, value]))
      : result.noData;
  };
}

describe('the cgroup sensor', () => {
  it('tells the least limit of the group and its ancestors, and for how long the quota held it back', async () => {
    const mount = 'sys/fs/cgroup';
    const root = await writeTree({
      'proc/self/cgroup': '0::/system.slice/ebb.service\n',
      [`${mount}/system.slice/cpu.max`]: '150000 100000\n',
      [`${mount}/system.slice/ebb.service/cpu.max`]: 'max 100000\n',
      [`${mount}/system.slice/memory.max`]: 'max\n',
      [`${mount}/system.slice/ebb.service/memory.max`]: '536870912\n',
      [`${mount}/system.slice/ebb.service/memory.current`]: '1000\n',
      [`${mount}/system.slice/ebb.service/cpu.stat`]: 'usage_usec 5\nnr_throttled 1\nthrottled_usec 100000\n',
    });
    const clock = { ms: 0 };
    const values = await read(root, clock);
    const limits = { cgroup_cpu_limit: 1.5, cgroup_memory_limit: 536_870_912, cgroup_memory_used: 1000 };
    expect(await values()).toEqual(limits);
    await put(root, `${mount}/system.slice/ebb.service/cpu.stat`, 'throttled_usec 600000\n');
    clock.ms = 2000;
    expect(await values()).toEqual({ ...limits, cgroup_throttled: 0.25 });
  });

  it('looks at the root of the tree where a container hides its path', async () => {
    const root = await writeTree({
      'proc/self/cgroup': '0::/docker/abc\n',
      'sys/fs/cgroup/cpu.max': '50000 100000\n',
      'sys/fs/cgroup/memory.current': '7\n',
    });
    expect(await (await read(root))()).toEqual({ cgroup_cpu_limit: 0.5, cgroup_memory_used: 7 });
  });

  it('reads version 1', async () => {
    const root = await writeTree({
      'proc/self/cgroup': '11:memory:/docker/abc\n4:cpu,cpuacct:/docker/abc\n0::/\n',
      'sys/fs/cgroup/cpu/docker/abc/cpu.cfs_quota_us': '200000\n',
      'sys/fs/cgroup/cpu/docker/abc/cpu.cfs_period_us': '100000\n',
      'sys/fs/cgroup/cpu/cpu.cfs_quota_us': '-1\n',
      'sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000\n',
      'sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes': '9223372036854771712\n',
      'sys/fs/cgroup/memory/docker/abc/memory.usage_in_bytes': '4096\n',
    });
    expect(await (await read(root))()).toEqual({ cgroup_cpu_limit: 2, cgroup_memory_used: 4096 });
  });

  it('says so where nothing limits, or there are no groups', async () => {
    expect(await (await read(await writeTree({ 'proc/self/cgroup': '0::/\n' })))()).toMatch('no limit');
    expect(await (await read(await writeTree({})))()).toMatch('no control group');
  });

  it('refuses paths that climb, and limits that are none', () => {
    expect(parseCgroupPaths('0::/../../etc\n')).toBeUndefined();
    expect(parseCgroupPaths('binary\0\n')).toBeUndefined();
    expect(parseCpuMax('max 100000')).toBe(Number.POSITIVE_INFINITY);
    for (const text of ['', '5', '100 0', '-1 100000']) expect(parseCpuMax(text)).toBeUndefined();
    expect(parseMemoryLimit('max\n')).toBe(Number.POSITIVE_INFINITY);
    expect(parseMemoryLimit('many')).toBeUndefined();
  });
});
