import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { writeBundle } from '../../bundle/write-bundle.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { tinyBundle } from '../tiny-bundle.ts';
import { ebb } from './ebb.ts';

/** Grey images of 8 x 8 pixels in the tiny bundle's three classes. */
async function writeData(): Promise<string> {
  const dir = await temporaryFolder();
  for (const [index, label] of ['a', 'b', 'c'].entries()) {
    await mkdir(join(dir, label));
    for (let i = 0; i < 20; i += 1) {
      const value = 80 * index + i;
      const create = {
        width: 8,
        height: 8,
        channels: 3,
        background: { r: value, g: value, b: value },
      } as const;
      await sharp({ create })
        .png()
        .toFile(join(dir, label, `${i}.png`));
    }
  }
  return `folder:${dir}`;
}

describe('ebb lab bench loop', () => {
  it('sends the same requests to an adaptive, a densest and a sparsest agent, and leaves tables, pictures and JSON', async () => {
    const dir = await temporaryFolder();
    const [bundle, out] = [join(dir, 'bundle'), join(dir, 'out')];
    await writeBundle(bundle, tinyBundle());
    const data = await writeData();
    const how =
      '--stressor spin --stress 1 --calm-seconds 0.5 --stress-seconds 1 --after-seconds 0.5 --load 0.8 --deadline-ms 200 --batch 4';
    const ended = await ebb(
      ['lab', 'bench', 'loop', bundle, '--data', data, '--out', out].concat(how.split(' ')),
    );
    expect(ended.status, ended.stderr).toBe(0);
    expect(ended.stdout).toMatch(/requests\/s: 80% of the [\d.]+ that level 0 answers at most/);
    expect(ended.stdout).toMatch(/spin +fixed sparsest +after/);
    expect(await readdir(out)).toEqual(['agent.log', 'cache', 'loop-spin.svg', 'result.json']);
    expect(await readFile(join(out, 'loop-spin.svg'), 'utf8')).toContain('1 process that spins');

    const result = JSON.parse(await readFile(join(out, 'result.json'), 'utf8'));
    type Row = { policy: string; phase: string; requests: number; level_share: number[] };
    const rows = result.rows as Row[];
    expect(rows.map(({ policy, phase }) => `${policy}, ${phase}`)).toEqual(
      ['adaptive', 'fixed densest', 'fixed sparsest'].flatMap((policy) =>
        ['calm', 'stress', 'after'].map((phase) => `${policy}, ${phase}`),
      ),
    );
    const total = (policy: string) =>
      rows.filter((row) => row.policy === policy).reduce((sum, { requests }) => sum + requests, 0);
    expect(total('fixed densest')).toBe(total('adaptive'));
    expect(total('fixed sparsest')).toBe(total('adaptive'));
    expect(rows.find(({ policy }) => policy === 'fixed densest')?.level_share).toEqual([1, 0, 0]);
    expect(rows.find(({ policy }) => policy === 'fixed sparsest')?.level_share).toEqual([0, 0, 1]);
    expect(result.reactions).toHaveLength(1);
  }, 120_000);
});
