import { join } from 'node:path';
import type { GroupFolders } from './cgroup-groups.ts';
import { readBounded } from './read-bounded.ts';

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

/** The file of the innermost group that has it. */
export async function readOfGroup({ folders }: GroupFolders, file: string): Promise<string | undefined> {
  for (const folder of folders) {
    const text = await readBounded(join(folder, file));
    if (text !== undefined) return text;
  }
  return undefined;
}

/**
 * The least of what a group and all of its ancestors say.
 * @returns undefined if none of them says anything; Infinity if none limits.
 */
export async function leastOf(
  { folders }: GroupFolders,
  ofFolder: (folder: string) => Promise<number | undefined>,
): Promise<number | undefined> {
  const values = (await Promise.all(folders.map(ofFolder))).flatMap((value) => value ?? []);
  return values.length > 0 ? Math.min(...values) : undefined;
}
