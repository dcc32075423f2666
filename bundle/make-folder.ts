import { existsSync } from 'node:fs';
import { mkdir, rmdir } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { syncFolder } from './sync-folder.ts';

/**
 * Creates a folder with those above it, and returns a function that removes again those of them that were created and are still empty.
 *
 * `mkdir` with `recursive` would never return, and eat all memory, where the file system answers ENOENT to a folder that is there
 * (Node 20 on /proc).
 *
 * @throws the file system's error.
 */
export async function makeFolder(dir: string): Promise<() => Promise<void>> {
  const absent: string[] = [];
  for (let path = resolve(dir); !existsSync(path); path = dirname(path)) absent.unshift(path);
  const created: string[] = [];
  const undo = async () => {
    // Innermost first; one that is not empty stays.
    for (const path of created.toReversed()) await rmdir(path).catch(() => {});
  };
  try {
    for (const path of absent) {
      try {
        await mkdir(path);
        created.push(path);
        await syncFolder(dirname(path));
      } catch (error) {
        // Another process was faster.
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
    }
  } catch (error) {
    await undo();
    throw error;
  }
  return undo;
}
