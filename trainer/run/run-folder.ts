import { existsSync } from 'node:fs';
import { access, constants, readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder } from '../../bundle/make-folder.ts';
import { writeFileAtomic } from '../../bundle/write-file-atomic.ts';
import { UsageError } from '../../terminal/usage-error.ts';
import { type Settings, settingsSchema } from '../settings.ts';

/** The files of a training run. */
export type RunFolder = {
  dir: string;
  /** Written first: what is trained. */
  settings: string;
  /** Replaced from time to time, and removed once the run is whole. */
  checkpoint: string;
  metrics: string;
  bundle: string;
  report: string;
  /** Written last: a folder that has it is whole. */
  run: string;
};

export function runFolder(dir: string): RunFolder {
  return {
    dir,
    settings: join(dir, 'settings.json'),
    checkpoint: join(dir, 'checkpoint.bin'),
    metrics: join(dir, 'metrics.jsonl'),
    bundle: join(dir, 'bundle'),
    report: join(dir, 'report.html'),
    run: join(dir, 'run.json'),
  };
}

/**
 * Makes sure, before hours of training, that a new run can be written into `dir`, and creates the folder where it is absent.
 *
 * @returns the run's paths, and `release`, which removes again what was created where nothing was trained.
 * @throws UsageError where `dir` holds a run already; Error where it cannot be written.
 */
export async function claimRunFolder(
  dir: string,
  settings: Settings,
): Promise<{ folder: RunFolder; release: () => Promise<void> }> {
  const folder = runFolder(dir);
  if (existsSync(folder.settings) && !existsSync(folder.run))
    throw new UsageError(
      `Cannot train into "${dir}" as it must not hold a run already: it has one that was not finished; add --resume to go on with it, choose another --out or remove it`,
    );
  const taken = Object.values(folder).find((path) => path !== dir && existsSync(path));
  if (taken !== undefined)
    throw new UsageError(
      `Cannot train into "${dir}" as it must not hold a run already: it has "${taken}"; choose another --out or remove it`,
    );
  try {
    const removeFolder = await makeFolder(dir);
    if (!(await stat(dir)).isDirectory()) throw new Error('it is a file');
    await access(dir, constants.W_OK);
    await writeFileAtomic(folder.settings, `${JSON.stringify(settings, null, 2)}\n`);
    const release = async () => {
      await rm(folder.settings, { force: true });
      await rm(folder.metrics, { force: true });
      await removeFolder();
    };
    return { folder, release };
  } catch (cause) {
    throw new Error(
      `Cannot train into "${dir}" as it must be a folder that can be written: choose another --out`,
      { cause },
    );
  }
}

/** Removes what a kill in the middle of an atomic write left behind. */
async function removeHalfWritten(dir: string): Promise<void> {
  for (const name of await readdir(dir))
    if (/^\..+\.[0-9a-f]{12}\.tmp$/.test(name)) await rm(join(dir, name), { recursive: true, force: true });
}

/** The settings of the run in `dir`, which is made ready to go on. @throws UsageError where there is no run that can go on. */
export async function readUnfinished(dir: string): Promise<{ folder: RunFolder; settings: Settings }> {
  const folder = runFolder(dir);
  if (existsSync(folder.run))
    throw new UsageError(
      `Cannot resume "${dir}" as the run must not be finished: it has "${folder.run}"; look at it with "ebb inspect ${folder.bundle}"`,
    );
  let text: string;
  try {
    text = await readFile(folder.settings, 'utf8');
  } catch (cause) {
    throw new UsageError(
      `Cannot resume "${dir}" as it must hold a run that "ebb train" began: there is no "${folder.settings}"; leave --resume out to begin one`,
      { cause },
    );
  }
  const parsed = settingsSchema.safeParse(safeJson(text));
  if (parsed.success) {
    await removeHalfWritten(dir);
    return { folder, settings: parsed.data };
  }
  const [issue] = parsed.error.issues;
  throw new Error(
    `Cannot resume "${dir}" as settings.json must be valid: ${issue.path.join('.') || 'it'}: ${issue.message}; train anew into another folder`,
    { cause: parsed.error },
  );
}

function safeJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
