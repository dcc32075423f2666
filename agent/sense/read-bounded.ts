import { closeSync, constants, existsSync, openSync, readdirSync, read as readFd } from 'node:fs';

const defaultLimitBytes = 64 * 1024;
const defaultLimitEntries = 512;
/** What fits into a page comes by one read: attributes of sysfs, and files of procfs that hold one record. */
const pageBytes = 4096;

const byNumber = new Intl.Collator('en', { numeric: true }).compare;

function readSome(fd: number, buffer: Buffer, offset: number): Promise<number> {
  return new Promise((resolve, reject) => {
    readFd(fd, buffer, offset, buffer.length - offset, null, (error, bytesRead) =>
      error ? reject(error) : resolve(bytesRead),
    );
  });
}

/**
 * Reads at most `limitBytes` of a kernel file as text; what lies beyond is left unread, so an endless file costs no memory.
 * Opened without blocking: a FIFO in the place of a file reads as empty.
 *
 * Only the read itself leaves this thread, as a driver may take its time there; to open and close never waits, and costs a fifth this way
 * (`ebb lab bench sensors`).
 * @param limitBytes up to 4096: one read; more: as many as it takes.
 * @returns undefined where the file is absent or unreadable; a sensor then has no data.
 */
export async function readBounded(path: string, limitBytes = defaultLimitBytes): Promise<string | undefined> {
  // Absence is the usual case, and an exception dear.
  if (!existsSync(path)) return undefined;
  try {
    const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const buffer = Buffer.allocUnsafe(limitBytes);
      let length = 0;
      // procfs hands out a page a read: read on until nothing more comes.
      while (length < limitBytes) {
        const bytesRead = await readSome(fd, buffer, length);
        length += bytesRead;
        if (bytesRead === 0 || limitBytes <= pageBytes) break;
      }
      return buffer.toString('utf8', 0, length);
    } finally {
      closeSync(fd);
    }
  } catch {
    return undefined;
  }
}

/** Names in a folder, sorted as numbers within text (`zone2` before `zone10`); an absent folder holds none. */
export async function listBounded(path: string, limit = defaultLimitEntries): Promise<string[]> {
  if (!existsSync(path)) return [];
  try {
    return readdirSync(path).sort(byNumber).slice(0, limit);
  } catch {
    return [];
  }
}
