import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { makeFolder } from '../../bundle/make-folder.ts';
import type { Manifest } from '../../bundle/manifest.ts';
import { writeFileAtomic } from '../../bundle/write-file-atomic.ts';
import { type Calibration, calibrationSchema } from './calibration.ts';

export type CalibrationKey = {
  manifest: Manifest;
  /** CPU model, cores and memory: a card moved to another board is measured again. */
  device: { cpu: string; cores: number; arch: string };
  /** Numbers of threads that are measured. */
  threads: readonly number[];
  engines: readonly { name: string; provider: string }[];
  batch: number;
  versions: { ebb: string; onnxruntime: string };
};

/** Where this user's caches stand (XDG Base Directory Specification). */
export function defaultCacheDir(env: NodeJS.ProcessEnv = process.env): string {
  const base = env.XDG_CACHE_HOME?.startsWith('/') ? env.XDG_CACHE_HOME : join(homedir(), '.cache');
  return join(base, 'ebb');
}

/** A digest of everything that a latency depends on. */
export function calibrationKey(key: CalibrationKey): string {
  const { manifest, ...rest } = key;
  const text = JSON.stringify([manifest.levels.map((level) => level.sha256), rest]);
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}

const pathOf = (dir: string, key: string) => join(dir, `calibration-${key}.json`);

/** @returns undefined where there is none, or where the file is corrupt or meant for something else: measure again then. */
export async function readCalibration(
  dir: string,
  key: string,
  levels: number,
): Promise<Calibration | undefined> {
  try {
    const calibration = calibrationSchema.parse(JSON.parse(await readFile(pathOf(dir, key), 'utf8')));
    const inOrder = calibration.levels.every((entry, index) => entry.level === index);
    return calibration.key === key && calibration.levels.length === levels && inOrder
      ? calibration
      : undefined;
  } catch {
    return undefined;
  }
}

export async function writeCalibration(dir: string, calibration: Calibration): Promise<string> {
  await makeFolder(dir);
  const path = pathOf(dir, calibration.key);
  await writeFileAtomic(path, `${JSON.stringify(calibration, null, 2)}\n`);
  return path;
}
