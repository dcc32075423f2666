import { describe, expect, it } from 'vitest';
import { createCgroupSensor } from '../../../agent/sense/cgroup.ts';
import { parseCpuMax, parseMemoryLimit } from '../../../agent/sense/cgroup-files.ts';
import { parseGroupMounts, parseGroupPaths } from '../../../agent/sense/cgroup-groups.ts';
import { createMemorySensor } from '../../../agent/sense/memory.ts';
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
    expect(parseGroupPaths('0::/../../etc\n')).toEqual({
      cpu: { version: 2, path: '/' },
      memory: { version: 2, path: '/' },
    });
    expect(parseGroupPaths('binary\0\n')).toBeUndefined();
    expect(parseCpuMax('max 100000')).toBe(Number.POSITIVE_INFINITY);
    for (const text of ['', '5', '100 0', '-1 100000']) expect(parseCpuMax(text)).toBeUndefined();
    expect(parseMemoryLimit('max\n')).toBe(Number.POSITIVE_INFINITY);
    expect(parseMemoryLimit('many')).toBeUndefined();
  });
});

describe('control groups are found through the mounts', () => {
  const line = (root: string, point: string, type: string, options: string) =>
    `30 25 0:26 ${root} ${point} rw,nosuid shared:9 - ${type} ${type} ${options}\n`;

  it.each([
    [
      'two controllers of version 1 together, without a link',
      '/sys/fs/cgroup/cpu,cpuacct',
      'cgroup',
      'rw,cpu,cpuacct',
    ],
    ['the same in the other order', '/sys/fs/cgroup/cpuacct,cpu', 'cgroup', 'rw,cpuacct,cpu'],
    ['a place of its own, with a blank', '/cgroups/all\\040cpu', 'cgroup', 'rw,cpu'],
  ])('%s', async (_, point, type, options) => {
    const folder = point.slice(1).replace('\\040', ' ');
    const root = await writeTree({
      'proc/self/cgroup': '4:cpu,cpuacct:/app\n0::/\n',
      'proc/self/mountinfo': `${line('/', '/', 'ext4', 'rw')}${line('/', point, type, options)}`,
      [`${folder}/app/cpu.cfs_quota_us`]: '50000\n',
      [`${folder}/app/cpu.cfs_period_us`]: '100000\n',
      [`${folder}/app/cpu.stat`]: 'nr_periods 0\n',
    });
    expect(await (await read(root))()).toEqual({ cgroup_cpu_limit: 0.5 });
  });

  it('two controllers together without mountinfo, as in a recorded tree', async () => {
    const root = await writeTree({
      'proc/self/cgroup': '4:cpu,cpuacct:/app\n',
      'sys/fs/cgroup/cpu,cpuacct/app/cpu.cfs_quota_us': '50000\n',
      'sys/fs/cgroup/cpu,cpuacct/app/cpu.cfs_period_us': '100000\n',
    });
    expect(await (await read(root))()).toEqual({ cgroup_cpu_limit: 0.5 });
  });

  it('a container of version 1 that sees its own group as the root of the mount', async () => {
    const root = await writeTree({
      'proc/self/cgroup': '7:memory:/docker/abc\n',
      'proc/self/mountinfo': line('/docker/abc', '/sys/fs/cgroup/memory', 'cgroup', 'rw,memory'),
      'sys/fs/cgroup/memory/memory.limit_in_bytes': '1048576\n',
      // Of a group that happens to have the same name inside.
      'sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes': '7\n',
    });
    expect(await (await read(root))()).toEqual({ cgroup_memory_limit: 1_048_576 });
  });

  it('version 2 beside version 1, with a controller in each', async () => {
    const root = await writeTree({
      'proc/self/cgroup': '3:cpu:/a\n0::/b\n',
      'proc/self/mountinfo':
        line('/', '/sys/fs/cgroup/cpu', 'cgroup', 'rw,cpu') +
        line('/', '/sys/fs/cgroup/unified', 'cgroup2', 'rw,nsdelegate'),
      'sys/fs/cgroup/cpu/a/cpu.cfs_quota_us': '150000\n',
      'sys/fs/cgroup/cpu/a/cpu.cfs_period_us': '100000\n',
      'sys/fs/cgroup/unified/b/memory.max': '4096\n',
    });
    expect(await (await read(root))()).toEqual({ cgroup_cpu_limit: 1.5, cgroup_memory_limit: 4096 });
  });

  it('a second mount of the same hierarchy where the first is hidden, and says nothing', async () => {
    const root = await writeTree({
      'proc/self/cgroup': '0::/a\n',
      'proc/self/mountinfo':
        line('/', '/hidden', 'cgroup2', 'rw') + line('/', '/sys/fs/cgroup', 'cgroup2', 'rw'),
      'sys/fs/cgroup/a/cpu.max': '200000 100000\n',
    });
    expect(await (await read(root))()).toEqual({ cgroup_cpu_limit: 2 });
  });

  it('a group that a namespace hides is looked for at the root of the mount', async () => {
    const root = await writeTree({
      'proc/self/cgroup': '0::/../other\n',
      'proc/self/mountinfo': line('/', '/sys/fs/cgroup', 'cgroup2', 'rw'),
      'sys/fs/cgroup/cpu.max': '200000 100000\n',
    });
    expect(await (await read(root))()).toEqual({ cgroup_cpu_limit: 2 });
  });

  it('takes no mount of another kind, and no line that is none', () => {
    expect(
      parseGroupMounts(`garbage\n${line('/', '/tmp', 'tmpfs', 'cpu')}30 - cgroup cgroup rw,cpu\n`),
    ).toEqual([]);
  });
});

describe('memory that is available', () => {
  const mib = 2 ** 20;
  const meminfo = 'MemTotal:       65536000 kB\nMemAvailable:   61440000 kB\n';
  const available = async (files: Record<string, string>) => {
    const root = await writeTree({ 'proc/meminfo': meminfo, ...files });
    const result = await createMemorySensor({ root, nowMs: () => 0, rssBytes: () => 0 }).read();
    return Array.isArray(result) ? [result[0]?.value, result[1]?.value] : result;
  };
  const v2 = 'sys/fs/cgroup';
  const host = [61_440_000 * 1024, 65_536_000 * 1024];

  it('in a container is what the limit leaves, without files that were not used lately', async () => {
    const files = {
      'proc/self/cgroup': '0::/\n',
      [`${v2}/memory.max`]: `${512 * mib}\n`,
      [`${v2}/memory.current`]: `${500 * mib}\n`,
      [`${v2}/memory.stat`]: `anon ${300 * mib}\ninactive_file ${80 * mib}\nactive_file ${100 * mib}\n`,
    };
    expect(await available(files)).toEqual([92 * mib, 512 * mib]);
    expect(await available({ ...files, [`${v2}/memory.max`]: 'max\n' })).toEqual(host);
    // Over the limit, for a moment.
    expect(await available({ ...files, [`${v2}/memory.current`]: `${900 * mib}\n` })).toEqual([0, 512 * mib]);
  });

  it('is the least of all ancestors, also where an inner limit is wider, and where memory.high comes first', async () => {
    const group = (path: string, max: string, used: number, more = {}) => ({
      [`${v2}${path}/memory.max`]: `${max}\n`,
      [`${v2}${path}/memory.current`]: `${used * mib}\n`,
      ...more,
    });
    const files = {
      'proc/self/cgroup': '0::/pod/app\n',
      ...group('/pod', String(1024 * mib), 1000),
      ...group('/pod/app', String(2048 * mib), 100),
    };
    expect(await available(files)).toEqual([24 * mib, 1024 * mib]);
    const high = { [`${v2}/pod/app/memory.high`]: `${110 * mib}\n` };
    expect(await available({ ...files, ...high })).toEqual([10 * mib, 1024 * mib]);
  });

  it('follows version 1, with the sums of all groups below', async () => {
    const v1 = 'sys/fs/cgroup/memory/app';
    const files = {
      'proc/self/cgroup': '5:memory:/app\n',
      [`${v1}/memory.limit_in_bytes`]: `${256 * mib}\n`,
      [`${v1}/memory.usage_in_bytes`]: `${200 * mib}\n`,
      [`${v1}/memory.stat`]: `inactive_file ${1 * mib}\ntotal_inactive_file ${50 * mib}\n`,
    };
    expect(await available(files)).toEqual([106 * mib, 256 * mib]);
    expect(await available({ ...files, [`${v1}/memory.limit_in_bytes`]: '9223372036854771712\n' })).toEqual(
      host,
    );
  });

  it('is the machine’s if that is less, and at most the limit if the group does not say what it uses', async () => {
    const wide = { 'proc/self/cgroup': '0::/\n', [`${v2}/memory.max`]: `${2 ** 40}\n` };
    expect(await available({ ...wide, [`${v2}/memory.current`]: '0\n' })).toEqual(host);
    const narrow = { ...wide, [`${v2}/memory.max`]: `${512 * mib}\n` };
    expect(await available(narrow)).toEqual([512 * mib, 512 * mib]);
    expect(await available({})).toEqual(host);
  });
});
