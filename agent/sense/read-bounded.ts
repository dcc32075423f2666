import { constants } from 'node:fs';
import { open, readdir } from 'node:fs/promises';

const defaultLimitBytes = 64 * 1024;
const defaultLimitEntries = 512;

/**
 * Reads at most `limitBytes` of a kernel file as text; what lies beyond is left unread, so an endless file costs no memory.
 * Opened without blocking: a FIFO in the place of a file reads as empty.
 * @returns undefined where the file is absent or unreadable; a sensor then has no data.
 */
export async function readBounded(path: string, limitBytes = defaultLimitBytes): Promise<string | undefined> {
  try {
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const buffer = Buffer.alloc(limitBytes);
      let length = 0;
      // procfs hands out a page a read: read on until nothing more comes.
      while (length < limitBytes) {
        const { bytesRead } = await file.read(buffer, length, limitBytes - length, null);
        if (bytesRead === 0) break;
        length += bytesRead;
      }
      return buffer.toString('utf8', 0, length);
    } finally {
      await file.close();
    }
  } catch {
    return undefined;
  }
}

/** Names in a folder, sorted as numbers within text (`zone2` before `zone10`); an absent folder holds none. */
export async function listBounded(path: string, limit = defaultLimitEntries): Promise<string[]> {
  try {
    const names = await readdir(path);
    return names.sort(new Intl.Collator('en', { numeric: true }).compare).slice(0, limit);
  } catch {
    return [];
  }
}
