import { randomBytes } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { syncFolder } from './sync-folder.ts';

/**
 * Writes a whole file or nothing: data goes to a temporary file in the same folder, is flushed, and takes the name by rename.
 * A reader sees the old file or the new one, also after a power loss: the folder is flushed too, so that the new one is there
 * once this has returned. On failure the temporary file is removed.
 *
 * @throws the file system's error (EACCES, ENOSPC, ...).
 */
export async function writeFileAtomic(path: string, data: string | Uint8Array): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}.tmp`);
  try {
    const file = await open(temporary, 'wx');
    try {
      await file.writeFile(data);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    // The first error is the one to tell, whatever cleaning up may say.
    await rm(temporary, { force: true }).catch(() => {});
    throw error;
  }
  await syncFolder(dirname(path));
}
