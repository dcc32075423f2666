import { existsSync } from 'node:fs';
import { access, constants, mkdir, rmdir, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { UsageError } from '../terminal/usage-error.ts';

/** What a training run leaves behind. */
export type RunFolder = { dir: string; bundle: string; metrics: string; run: string; curve: string };

function pathsOf(dir: string): RunFolder {
  return {
    dir,
    bundle: join(dir, 'bundle'),
    metrics: join(dir, 'metrics.jsonl'),
    run: join(dir, 'run.json'),
    curve: join(dir, 'curve.svg'),
  };
}

/**
 * Creates a folder with those above it and returns the ones that were absent, outermost first. `mkdir` with `recursive` would
 * never return, and eat all memory, where the file system answers ENOENT to a folder that is there (Node 20 on /proc).
 */
async function makeFolder(dir: string): Promise<string[]> {
  const absent: string[] = [];
  for (let path = resolve(dir); !existsSync(path); path = dirname(path)) absent.unshift(path);
  for (const path of absent) await mkdir(path);
  return absent;
}

/**
 * Makes sure, before hours of training, that the run can be written into `dir`, and creates the folder where it is absent.
 *
 * @returns the run's paths, and `release`, which removes the folder again where it was created here and is still empty.
 * @throws UsageError where `dir` holds a run already; Error where it cannot be written.
 */
export async function claimRunFolder(
  dir: string,
): Promise<{ folder: RunFolder; release: () => Promise<void> }> {
  const folder = pathsOf(dir);
  const taken = [folder.bundle, folder.metrics, folder.run, folder.curve].find((path) => existsSync(path));
  if (taken !== undefined)
    throw new UsageError(
      `Cannot train into "${dir}" as it must not hold a run already: it has "${taken}"; choose another --out or remove it`,
    );
  try {
    const created = await makeFolder(dir);
    if (!(await stat(dir)).isDirectory()) throw new Error('it is a file');
    await access(dir, constants.W_OK);
    return {
      folder,
      release: async () => {
        // Innermost first; one that is not empty holds what was finished, and stays.
        for (const path of created.toReversed()) await rmdir(path).catch(() => {});
      },
    };
  } catch (cause) {
    throw new Error(
      `Cannot train into "${dir}" as it must be a folder that can be written: choose another --out`,
      { cause },
    );
  }
}
