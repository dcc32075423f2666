import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { makeCpuGroup } from '../../lab/stress/cgroup-quota.ts';
import { requireStressNg, startStressNg } from '../../lab/stress/stress-ng.ts';
import { writeTree } from '../agent/sense/write-tree.ts';
import { until } from '../until.ts';

const read = (root: string, ...path: string[]) => readFile(join(root, 'sys/fs/cgroup', ...path), 'utf8');

/** The kernel's files go with their folder; these do not. */
async function removeFiles(root: string, ...path: string[]): Promise<void> {
  const dir = join(root, 'sys/fs/cgroup', ...path);
  await rm(dir, { recursive: true });
  await mkdir(dir);
}

describe('makeCpuGroup()', () => {
  it('limits a process in a group of version 1, below its own, and removes the group', async () => {
    const root = await writeTree({
      'proc/self/cgroup': '4:cpu,cpuacct:/docker/abc\n0::/\n',
      'sys/fs/cgroup/cpu/docker/abc/cgroup.procs': '1\n',
    });
    const group = await makeCpuGroup({ root, name: 'mine' });
    await group.add(42);
    await group.setCores(0.5);
    const mine = ['cpu', 'docker', 'abc', 'mine'];
    expect(await read(root, ...mine, 'cgroup.procs')).toBe('42');
    expect(await read(root, ...mine, 'cpu.cfs_quota_us')).toBe('50000');
    expect(await read(root, ...mine, 'cpu.cfs_period_us')).toBe('100000');
    await removeFiles(root, ...mine);
    await group.remove();
    expect(await readdir(join(root, 'sys/fs/cgroup/cpu/docker/abc'))).toEqual(['cgroup.procs']);
  });

  it('looks at the root of version 1 where a container hides its path', async () => {
    const root = await writeTree({
      'proc/self/cgroup': '4:cpu:/docker/abc\n',
      'sys/fs/cgroup/cpu/cgroup.procs': '1\n',
    });
    await (await makeCpuGroup({ root, name: 'mine' })).setCores(1);
    expect(await read(root, 'cpu', 'mine', 'cpu.cfs_quota_us')).toBe('100000');
  });

  it('enables the controller of version 2 at the root, and limits there', async () => {
    const root = await writeTree({
      'proc/self/cgroup': '0::/user.slice/session-1.scope\n',
      'sys/fs/cgroup/cgroup.controllers': 'cpuset cpu io memory\n',
      'sys/fs/cgroup/cgroup.subtree_control': 'memory\n',
    });
    const group = await makeCpuGroup({ root, name: 'mine' });
    await group.setCores(0.25);
    expect(await read(root, 'cgroup.subtree_control')).toBe('+cpu');
    expect(await read(root, 'mine', 'cpu.max')).toBe('25000 100000');
  });

  it('leaves the controller of version 2 alone where it is enabled', async () => {
    const root = await writeTree({
      'proc/self/cgroup': '0::/\n',
      'sys/fs/cgroup/cgroup.controllers': 'cpu memory\n',
      'sys/fs/cgroup/cgroup.subtree_control': 'cpu memory\n',
    });
    await makeCpuGroup({ root, name: 'mine' });
    expect(await read(root, 'cgroup.subtree_control')).toBe('cpu memory\n');
  });

  it('puts a process that is still inside back', async () => {
    const root = await writeTree({
      'proc/self/cgroup': '4:cpu:/\n',
      'sys/fs/cgroup/cpu/cgroup.procs': '1\n',
    });
    const group = await makeCpuGroup({ root, name: 'mine' });
    await group.add(42);
    // The folder is not the kernel's: it keeps its files.
    await expect(group.remove()).rejects.toThrow(/ENOTEMPTY/);
    expect(await read(root, 'cpu', 'cgroup.procs')).toBe('42');
  });

  it('says what is needed where there is no controller for the CPU', async () => {
    const bare = await writeTree({
      'proc/self/cgroup': '0::/\n',
      'sys/fs/cgroup/cgroup.controllers': 'memory\n',
    });
    await expect(makeCpuGroup({ root: bare, name: 'mine' })).rejects.toThrow(/must have "cpu".*run as root/);
    const none = await writeTree({ 'proc/version': 'Linux' });
    await expect(makeCpuGroup({ root: none, name: 'mine' })).rejects.toThrow(/is in none/);
  });
});

const missing = await requireStressNg().then(
  () => undefined,
  (error: Error) => error.message,
);

describe.skipIf(missing !== undefined)(
  `startStressNg() ${missing === undefined ? '' : `(${missing})`}`,
  () => {
    async function running(): Promise<string[]> {
      const names = await Promise.all(
        (await readdir('/proc'))
          .filter((pid) => /^\d+$/.test(pid))
          .map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')),
      );
      return names.filter((line) => line.startsWith('stress-ng') && line.includes(String(process.pid)));
    }
    // Seen in /proc by a seed that nobody else takes.
    const args = ['--cpu', '1', '--seed', String(process.pid)];

    it('leaves nothing behind when it stops', async () => {
      const stress = startStressNg(args, 60);
      await until('it runs', async () => (await running()).length > 0);
      await stress.stop();
      await until('it is gone', async () => (await running()).length === 0);
    });

    it('says so where it ended by itself', async () => {
      const stress = startStressNg(['--no-such-option'], 60);
      await new Promise((resolve) => setTimeout(resolve, 500));
      await expect(stress.stop()).rejects.toThrow(/must run until it is stopped: it ended with/);
    });
  },
);
