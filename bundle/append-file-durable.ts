import { open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { syncFolder } from './sync-folder.ts';

/**
 * Appends to a file, which is created if it is absent, and flushes it: after this has returned a power loss takes nothing of it.
 * During the call a power loss can leave a part of `data`, so whoever reads the file cuts it to its last whole line.
 *
 * @throws the file system's error (EACCES, ENOSPC, ...).
 */
export async function appendFileDurable(path: string, data: string | Uint8Array): Promise<void> {
  const file = await open(path, 'a');
  try {
    const { size } = await file.stat();
    await file.writeFile(data);
    await file.sync();
    if (size === 0) await syncFolder(dirname(path));
  } finally {
    await file.close();
  }
}
