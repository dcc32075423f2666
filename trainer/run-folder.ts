import { existsSync } from 'node:fs';
import { access, constants, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder } from '../bundle/make-folder.ts';
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
    const release = await makeFolder(dir);
    if (!(await stat(dir)).isDirectory()) throw new Error('it is a file');
    await access(dir, constants.W_OK);
    return { folder, release };
  } catch (cause) {
    throw new Error(
      `Cannot train into "${dir}" as it must be a folder that can be written: choose another --out`,
      { cause },
    );
  }
}
