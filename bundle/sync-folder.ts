import { open } from 'node:fs/promises';

/** Errors of systems that cannot open or flush a folder (Windows, some network file systems). */
const unsupported = new Set(['EISDIR', 'EPERM', 'EACCES', 'EINVAL', 'ENOTSUP', 'EBADF', 'ENOSYS']);

/**
 * Flushes a folder's entries to the disk, so that a file that was created or renamed in it keeps its name after a power loss
 * (fsync(2): flushing the file alone is not enough). Does nothing if the system cannot flush folders.
 *
 * @throws the file system's error (EIO, ...).
 */
export async function syncFolder(dir: string): Promise<void> {
  try {
    const folder = await open(dir, 'r');
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  } catch (error) {
    if (!unsupported.has((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
}
