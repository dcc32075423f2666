import { mkdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createGroupFinder } from '../../agent/sense/cgroup-groups.ts';
import { readBounded } from '../../agent/sense/read-bounded.ts';

/** The kernel's own default, and what container runtimes take. */
const periodUs = 100_000;
const removalTries = 20;
const removalWaitMs = 50;

/** A control group of its own for one process, with a limit of CPU time. */
export type CpuGroup = {
  /** Takes the process, with all its threads, into the group. */
  add(pid: number): Promise<void>;
  /** Limits the group to so many cores' worth of time in each 100 ms. */
  setCores(cores: number): Promise<void>;
  /** Puts who is still inside back where the group was made, and removes it. */
  remove(): Promise<void>;
};

/** Where the group is made, and how the limit is written there. */
type Place = { parent: string; limit(cores: number): readonly (readonly [file: string, text: string])[] };

const quotaUs = (cores: number) => String(Math.max(1000, Math.round(cores * periodUs)));

/** Documentation/scheduler/sched-bwc.rst. */
async function placeInVersion1(folders: readonly string[]): Promise<Place> {
  // Inside a container the process's own group may not be visible.
  const [parent] = await visible(folders);
  if (parent === undefined) throw new Error('no group of the hierarchy "cpu" can be seen');
  return {
    parent,
    limit: (cores) => [
      ['cpu.cfs_period_us', String(periodUs)],
      ['cpu.cfs_quota_us', quotaUs(cores)],
    ],
  };
}

async function visible(folders: readonly string[]): Promise<string[]> {
  const found = await Promise.all(
    folders.map(async (folder) =>
      (await readBounded(join(folder, 'cgroup.procs'))) === undefined ? [] : [folder],
    ),
  );
  return found.flat();
}

/**
 * Documentation/admin-guide/cgroup-v2.rst: the root of the tree alone may hold both processes and groups that controllers are enabled for.
 */
async function placeInVersion2(folders: readonly string[]): Promise<Place> {
  const parent = (await visible(folders)).at(-1) ?? (folders.at(-1) as string);
  const words = async (file: string) => ((await readBounded(join(parent, file))) ?? '').trim().split(/\s+/);
  if (!(await words('cgroup.controllers')).includes('cpu'))
    throw new Error(`${parent}/cgroup.controllers must have "cpu": it has not`);
  if (!(await words('cgroup.subtree_control')).includes('cpu'))
    await writeFile(join(parent, 'cgroup.subtree_control'), '+cpu');
  return { parent, limit: (cores) => [['cpu.max', `${quotaUs(cores)} ${periodUs}`]] };
}

async function findPlace(root: string): Promise<Place> {
  const { cpu } = (await createGroupFinder(root)()) ?? {};
  if (cpu !== undefined)
    return cpu.version === 1 ? placeInVersion1(cpu.folders) : placeInVersion2(cpu.folders);
  throw new Error('the kernel must have control groups for the CPU: this process is in none');
}

/**
 * Makes a control group, of version 1 or 2.
 * @param options.name of its folder; must not be there yet.
 * @throws Error where that is not allowed.
 */
export async function makeCpuGroup(options: { root: string; name: string }): Promise<CpuGroup> {
  try {
    const { parent, limit } = await findPlace(options.root);
    const group = join(parent, options.name);
    await mkdir(group);
    return {
      add: (pid) => writeFile(join(group, 'cgroup.procs'), String(pid)),
      async setCores(cores) {
        for (const [file, text] of limit(cores)) await writeFile(join(group, file), text);
      },
      async remove() {
        const members = await readFile(join(group, 'cgroup.procs'), 'utf8').catch(() => '');
        for (const pid of members.split('\n').filter((line) => line !== ''))
          await writeFile(join(parent, 'cgroup.procs'), pid).catch(() => {});
        for (let tries = 1; ; tries += 1) {
          try {
            return await rmdir(group);
          } catch (error) {
            // A process that has just ended is inside a little longer.
            if ((error as NodeJS.ErrnoException).code !== 'EBUSY' || tries === removalTries) throw error;
            await sleep(removalWaitMs);
          }
        }
      },
    };
  } catch (cause) {
    throw new Error(
      `a control group of its own for the agent must be made: ${(cause as Error).message}; run as root, outside of a container or in a privileged one`,
      { cause },
    );
  }
}
