import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { makeFolder } from '../../bundle/make-folder.ts';
import { writeFileAtomic } from '../../bundle/write-file-atomic.ts';
import type { Calibration } from './calibration.ts';

const schema = z.strictObject({
  version: z.literal(1),
  key: z.string(),
  /** By level: logarithm of how much longer its runs take, against the other levels, than the calibration says. */
  corrections: z.array(z.number()),
});

const pathOf = (dir: string, key: string) => join(dir, `corrections-${key}.json`);

/** What an earlier run has learnt of a calibration's levels; undefined where there is nothing, or nothing that can be read. */
export async function readCorrections(
  dir: string,
  { key, levels }: Calibration,
): Promise<number[] | undefined> {
  try {
    const kept = schema.parse(JSON.parse(await readFile(pathOf(dir, key), 'utf8')));
    return kept.key === key && kept.corrections.length === levels.length ? kept.corrections : undefined;
  } catch {
    return undefined;
  }
}

/** Keeps it beside the calibration. */
export async function writeCorrections(
  dir: string,
  { key }: Calibration,
  corrections: readonly number[],
): Promise<void> {
  await makeFolder(dir);
  await writeFileAtomic(pathOf(dir, key), `${JSON.stringify({ version: 1, key, corrections })}\n`);
}
