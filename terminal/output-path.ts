import { constants } from 'node:fs';
import { access, readdir, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { UsageError } from './usage-error.ts';

type Kind = 'file' | 'folder' | 'other' | 'absent';

async function kindOf(path: string): Promise<Kind> {
  try {
    const found = await stat(path);
    if (found.isDirectory()) return 'folder';
    return found.isFile() ? 'file' : 'other';
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return 'absent';
    // A file stands where a folder should be.
    if (code === 'ENOTDIR') return 'other';
    throw new UsageError(`Cannot write "${path}" as it must be reachable: ${(error as Error).message}`);
  }
}

const isWritable = (path: string) =>
  access(path, constants.W_OK | constants.X_OK).then(
    () => true,
    () => false,
  );

/**
 * Makes sure, before any work, that a file can be written.
 * @param flag the option that names it, such as `--out`.
 * @throws UsageError with the cure.
 */
export async function requireOutputFile(flag: string, path: string): Promise<void> {
  const folder = dirname(resolve(path));
  if ((await kindOf(folder)) !== 'folder')
    throw new UsageError(
      `Cannot write "${path}" as the folder of ${flag} must be there: there is no folder "${folder}"; make it first`,
    );
  const kind = await kindOf(path);
  if (kind === 'folder' || kind === 'other')
    throw new UsageError(
      `Cannot write "${path}" as ${flag} must name a file: ${kind === 'folder' ? 'it is a folder' : 'there is something else'}; name a file in it, or another place`,
    );
  if (!(await isWritable(folder)))
    throw new UsageError(
      `Cannot write "${path}" as this user must be able to write into "${folder}": choose another ${flag}`,
    );
}

/** @throws UsageError if `path` is no folder that is there. */
export async function requireFolder(flag: string, path: string): Promise<void> {
  const kind = await kindOf(path);
  if (kind === 'folder') return;
  throw new UsageError(
    `Cannot use ${flag} as it must be a folder: "${path}" is ${kind === 'absent' ? 'not there; make it first' : 'none; name a folder'}`,
  );
}

/**
 * Makes sure, before any work, that a folder can be made, or is there and empty: what lies there may be another run's.
 * @throws UsageError with the cure.
 */
export async function requireEmptyFolder(flag: string, path: string): Promise<void> {
  const kind = await kindOf(path);
  if (kind === 'file' || kind === 'other')
    throw new UsageError(
      `Cannot write into "${path}" as ${flag} must be a folder: it is none; choose another`,
    );
  if (kind === 'folder') {
    const [first] = await readdir(path);
    if (first !== undefined)
      throw new UsageError(
        `Cannot write into "${path}" as ${flag} must be an absent or empty folder: it holds "${first}"; choose another, or remove it`,
      );
  }
  let folder = resolve(path);
  while ((await kindOf(folder)) === 'absent' && folder !== dirname(folder)) folder = dirname(folder);
  if ((await kindOf(folder)) !== 'folder' || !(await isWritable(folder)))
    throw new UsageError(
      `Cannot write into "${path}" as it must be possible to make that folder: "${folder}" cannot be written; choose another ${flag}`,
    );
}
