import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isJunk } from './junk.ts';

/** Names in a folder, each list in the order of UTF-16 code units, so that neither file system nor locale has a say. */
export type Listing = {
  folders: string[];
  files: string[];
  /** Left out: see `isJunk`. */
  ignored: string[];
};

/**
 * Lists a folder of data. Links count as what they lead to; what is hidden or some system's own (`.DS_Store`, `Thumbs.db`, `__MACOSX`) is
 * left out.
 *
 * @throws Error where it is no readable folder, or a link leads nowhere.
 */
export async function listFolder(dir: string): Promise<Listing> {
  const folders: string[] = [];
  const files: string[] = [];
  const ignored: string[] = [];
  try {
    for (const entry of await readdir(dir, { withFileTypes: true })) {
      if (isJunk(entry.name)) {
        ignored.push(entry.name);
        continue;
      }
      const kind = entry.isSymbolicLink() ? await stat(join(dir, entry.name)) : entry;
      (kind.isDirectory() ? folders : files).push(entry.name);
    }
  } catch (cause) {
    const { code, path } = cause as NodeJS.ErrnoException;
    throw new Error(
      `Cannot list data folder "${dir}" as it must be a readable folder: current error of "${path ?? dir}" is ${code}; correct the path or its permissions`,
      { cause },
    );
  }
  return { folders: folders.sort(), files: files.sort(), ignored: ignored.sort() };
}
