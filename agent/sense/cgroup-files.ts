import { dirname, join } from 'node:path';
import { readBounded } from './read-bounded.ts';

/** Where this process's control groups stand: one tree for all (v2), or one for each controller (v1). */
export type CgroupPaths = { version: 2; path: string } | { version: 1; cpu?: string; memory?: string };

/** Parses `/proc/self/cgroup` (cgroups(7)): `hierarchy:controllers:path` a line; hierarchy 0 without controllers is version 2. */
export function parseCgroupPaths(text: string): CgroupPaths | undefined {
  const lines = text.split('\n').flatMap((line) => {
    const [, hierarchy, controllers = '', path] = /^(\d+):([^:]*):(\/.*)$/.exec(line) ?? [];
    return hierarchy === undefined || path === undefined || path.split('/').includes('..')
      ? []
      : [{ hierarchy, controllers: controllers.split(','), path }];
  });
  const of = (controller: string) => lines.find(({ controllers }) => controllers.includes(controller))?.path;
  const cpu = of('cpu');
  const memory = of('memory');
  // Where controllers are bound to version 1, the tree of version 2 has none of them.
  if (cpu !== undefined || memory !== undefined)
    return { version: 1, ...(cpu === undefined ? {} : { cpu }), ...(memory === undefined ? {} : { memory }) };
  const unified = lines.find(({ hierarchy }) => hierarchy === '0')?.path;
  return unified === undefined ? undefined : { version: 2, path: unified };
}

/** Parses `cpu.max` (Documentation/admin-guide/cgroup-v2.rst), `QUOTA PERIOD` in microseconds. @returns cores; Infinity without a limit. */
export function parseCpuMax(text: string): number | undefined {
  const [, quota, period] = /^(max|\d{1,15}) (\d{1,15})\s*$/.exec(text) ?? [];
  if (quota === undefined || Number(period) === 0) return undefined;
  return quota === 'max' ? Number.POSITIVE_INFINITY : Number(quota) / Number(period);
}

/** Parses `memory.max` and its like. @returns bytes; Infinity without a limit, which version 1 says by a number near 2^63. */
export function parseMemoryLimit(text: string): number | undefined {
  const word = text.trim();
  if (word === 'max') return Number.POSITIVE_INFINITY;
  if (!/^\d{1,20}$/.test(word)) return undefined;
  return Number(word) > 2 ** 60 ? Number.POSITIVE_INFINITY : Number(word);
}

/** A number of `cpu.stat` or `memory.stat`. */
export function parseStat(text: string, field: string): number | undefined {
  const digits = new RegExp(`^${field} (\\d{1,18})$`, 'm').exec(text)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/** The groups from `path` up to the root of its hierarchy, the innermost first. */
function ancestors(path: string): string[] {
  const all = [path];
  while (all.length < 32 && all[all.length - 1] !== '/') all.push(dirname(all[all.length - 1] as string));
  return all;
}

/**
 * The least of what a group and all of its ancestors allow; Infinity where none limits.
 * @param mount the hierarchy's folder.
 * @param path this process's group in it; inside a container the group may be mounted as the root, where it then is looked for.
 * @returns undefined where no group has such a file.
 */
export async function leastLimit(
  mount: string,
  path: string,
  limitOf: (group: string) => Promise<number | undefined>,
): Promise<number | undefined> {
  const limits = (await Promise.all(ancestors(path).map((group) => limitOf(join(mount, group))))).flatMap(
    (limit) => limit ?? [],
  );
  return limits.length > 0 ? Math.min(...limits) : undefined;
}

/** The group's own file, or the root's where the group's path is not visible from inside a container. */
export async function readOfGroup(mount: string, path: string, file: string): Promise<string | undefined> {
  return (await readBounded(join(mount, path, file))) ?? (await readBounded(join(mount, file)));
}
