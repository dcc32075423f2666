import { readdir } from 'node:fs/promises';
import { basename, extname, isAbsolute, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { UsageError } from '../../terminal/usage-error.ts';
import { nearestName } from './nearest-name.ts';

/** profiles/ stands beside dist/. */
export const shippedFolder = fileURLToPath(new URL('../../../profiles', import.meta.url));

/** Names of the profiles that come with ebb. */
export async function shippedProfiles(folder = shippedFolder): Promise<string[]> {
  const names = await readdir(folder).catch(() => []);
  return names
    .filter((name) => extname(name) === '.yaml')
    .map((name) => basename(name, '.yaml'))
    .sort();
}

/** `file` is what messages call it. */
export type FoundProfile = { path: string; file: string };

/**
 * Finds a profile: whatever holds a slash or ends in .yaml or .yml is a path, all else the name of one that comes with ebb.
 * @param options.base the folder that a relative path starts from; without it, the working directory.
 * @throws UsageError where there is none of that name; a path is not looked at.
 */
export async function findProfile(
  nameOrPath: string,
  options: { base?: string; folder: string },
): Promise<FoundProfile> {
  const { base, folder } = options;
  if (/[/\\]|\.ya?ml$/i.test(nameOrPath)) {
    const path = base === undefined || isAbsolute(nameOrPath) ? nameOrPath : join(base, nameOrPath);
    return { path, file: path };
  }
  const known = await shippedProfiles(folder);
  if (!known.includes(nameOrPath)) {
    const near = nearestName(nameOrPath, known);
    throw new UsageError(
      `Cannot find profile "${nameOrPath}" among ${known.join(', ')}; ${near ? `did you mean "${near}"?` : 'choose one of these or give the path of a YAML file'}`,
      { code: 'EBB_PROFILE' },
    );
  }
  return { path: join(folder, `${nameOrPath}.yaml`), file: `profiles/${nameOrPath}.yaml` };
}
