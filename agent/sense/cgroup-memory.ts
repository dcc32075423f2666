import { join } from 'node:path';
import { leastOf, parseMemoryLimit, parseStat } from './cgroup-files.ts';
import type { GroupFolders } from './cgroup-groups.ts';
import { readBounded } from './read-bounded.ts';

/**
 * Names of the files, and of the field of memory.stat that counts the pages of files that were not used lately: the kernel takes those back before
 * it refuses memory. Version 1's `total_` fields count the groups below, as its usage does.
 * Source: Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/memory.rst
 */
const names = {
  1: {
    limits: ['memory.limit_in_bytes'],
    used: 'memory.usage_in_bytes',
    reclaimable: ['total_inactive_file', 'inactive_file'],
  },
  2: { limits: ['memory.max', 'memory.high'], used: 'memory.current', reclaimable: ['inactive_file'] },
} as const;

async function readBytes(folder: string, file: string): Promise<number | undefined> {
  const text = await readBounded(join(folder, file), 64);
  return text === undefined ? undefined : parseMemoryLimit(text);
}

/** What one group still has below its limit, in bytes: `limit - (used - inactive_file)`; undefined if it has no limit. */
async function headroomOf(folder: string, version: 1 | 2): Promise<number | undefined> {
  const { limits, used: usedFile, reclaimable } = names[version];
  const known = await Promise.all(limits.map((file) => readBytes(folder, file)));
  const limit = Math.min(...known.flatMap((bytes) => bytes ?? []), Number.POSITIVE_INFINITY);
  if (!Number.isFinite(limit)) return undefined;
  const used = await readBytes(folder, usedFile);
  // More than the limit it is not.
  if (used === undefined) return limit;
  const stat = (await readBounded(join(folder, 'memory.stat'))) ?? '';
  const [inactive = 0] = reclaimable.flatMap((field) => parseStat(stat, field) ?? []);
  return Math.max(0, limit - Math.max(0, used - inactive));
}

/** The least that a group and its ancestors still allow this process, in bytes; undefined if none of them limits. */
export async function readMemoryHeadroom(groups: GroupFolders): Promise<number | undefined> {
  return leastOf(groups, (folder) => headroomOf(folder, groups.version));
}

/** The least limit of a group and its ancestors, in bytes; Infinity if there is none, undefined if no group says. */
export async function readMemoryLimit(groups: GroupFolders): Promise<number | undefined> {
  return leastOf(groups, (folder) => readBytes(folder, names[groups.version].limits[0]));
}

/** What the innermost group uses, in bytes. */
export async function readMemoryUsed(groups: GroupFolders): Promise<number | undefined> {
  for (const folder of groups.folders) {
    const used = await readBytes(folder, names[groups.version].used);
    if (used !== undefined) return used;
  }
  return undefined;
}
