import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import type { z } from 'zod';
import { UsageError } from '../../terminal/usage-error.ts';
import { nearestName } from './nearest-name.ts';
import { knownKeys, type Profile, profileSchema, toProfile } from './schema.ts';

const limitBytes = 256 * 1024;
/** profiles/ stands beside dist/. */
const shippedFolder = fileURLToPath(new URL('../../../profiles', import.meta.url));

function describeIssue(issue: z.core.$ZodIssue, value: unknown): string {
  const path = issue.path.join('.');
  if (issue.code === 'unrecognized_keys') {
    return issue.keys
      .map((key) => {
        const known = knownKeys[path] ?? [];
        const near = nearestName(key, known);
        const cure = near ? `did you mean "${near}"?` : `known here: ${known.join(', ')}`;
        return `unknown key "${path ? `${path}.` : ''}${key}"; ${cure}`;
      })
      .join('; ');
  }
  let current: unknown = value;
  for (const step of issue.path) current = (current as Record<PropertyKey, unknown> | undefined)?.[step];
  return `key "${path}" is wrong (${issue.message}): current value is ${JSON.stringify(current)}`;
}

/**
 * Parses a profile's YAML text.
 * @param options.name what messages call it, and the profile's name where the file gives none.
 * @throws Error that names every wrong key, its path and the nearest known one.
 */
export function parseProfile(text: string, options: { name: string }): Profile {
  const { name } = options;
  let value: unknown;
  try {
    value = parse(text) ?? {};
  } catch (cause) {
    const line = cause instanceof Error ? cause.message.split('\n')[0] : String(cause);
    throw new Error(`Cannot read profile "${name}" as it must be YAML: ${line}`, { cause });
  }
  if (typeof value !== 'object' || Array.isArray(value))
    throw new Error(
      `Cannot read profile "${name}" as it must be a YAML map of keys, such as "deadline_ms: 50"`,
    );
  const result = profileSchema.safeParse(value);
  if (!result.success)
    throw new Error(
      `Cannot read profile "${name}": ${result.error.issues.map((issue) => describeIssue(issue, value)).join('; ')}`,
    );
  return toProfile(result.data, name);
}

/** Names of the profiles that come with ebb. */
export async function shippedProfiles(folder = shippedFolder): Promise<string[]> {
  const names = await readdir(folder).catch(() => []);
  return names
    .filter((name) => extname(name) === '.yaml')
    .map((name) => basename(name, '.yaml'))
    .sort();
}

/**
 * Loads a profile by name (one that comes with ebb) or by path (whatever holds a slash or ends in .yaml or .yml).
 * @throws UsageError where there is none of that name, Error where it is wrong.
 */
export async function loadProfile(nameOrPath: string, options: { folder?: string } = {}): Promise<Profile> {
  const { folder = shippedFolder } = options;
  const isPath = /[/\\]|\.ya?ml$/i.test(nameOrPath);
  if (!isPath) {
    const known = await shippedProfiles(folder);
    if (!known.includes(nameOrPath)) {
      const near = nearestName(nameOrPath, known);
      throw new UsageError(
        `Cannot find profile "${nameOrPath}" among ${known.join(', ')}; ${near ? `did you mean "${near}"?` : 'choose one of these or give the path of a YAML file'}`,
      );
    }
  }
  const path = isPath ? nameOrPath : join(folder, `${nameOrPath}.yaml`);
  let text: string;
  try {
    const info = await stat(path);
    if (!info.isFile()) throw new Error('it is not a file');
    if (info.size > limitBytes) throw new Error(`it holds ${info.size} bytes, more than ${limitBytes}`);
    text = await readFile(path, 'utf8');
  } catch (cause) {
    throw new Error(`Cannot read profile "${path}": ${cause instanceof Error ? cause.message : cause}`, {
      cause,
    });
  }
  return parseProfile(text, { name: isPath ? path : nameOrPath });
}
