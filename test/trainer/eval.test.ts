import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { openData } from '../../trainer/data/open-data.ts';
import { exportBundle } from '../../trainer/export/export-bundle.ts';
import { projectRoot } from '../project-root.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { randomNet, smallGraph } from './export-fixture.ts';
import { counting, idx, writeFamily } from './idx-fixture.ts';

/** A bundle of three random levels, with the data it was exported for. */
async function setUp() {
  const spec = await writeFamily();
  const dir = join(await temporaryFolder(), 'bundle');
  const net = randomNet(smallGraph(3, 2, 1, 10), 'channel', 6);
  const manifest = await exportBundle(net, await openData(spec), { dir, name: 'small', training: undefined });
  return { spec, dir, manifest };
}

/** Runs the verb as a user does. */
async function ebbEval(...args: string[]): Promise<{ status: number; stdout: string; stderr: string }> {
  try {
    const done = await promisify(execFile)(process.execPath, [
      join(projectRoot, 'dist/cli.js'),
      'eval',
      ...args,
    ]);
    return { status: 0, ...done };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { status: code, stdout, stderr };
  }
}

describe('ebb eval', () => {
  it("counts every level's right answers and agrees with the manifest", async () => {
    const { spec, dir, manifest } = await setUp();
    const json = JSON.parse((await ebbEval(dir, '--data', spec, '--json')).stdout);
    expect(json).toEqual({
      bundle: 'small',
      data: 'digits',
      split: 'test',
      levels: manifest.levels.map(({ accuracy }, level) => ({
        engine: 'ort',
        level,
        correct: accuracy?.correct,
        count: 4,
        accuracy: accuracy?.value,
        manifest_correct: accuracy?.correct,
        agrees: true,
      })),
    });
    const { stdout, status } = await ebbEval(dir, '--data', spec);
    expect(status).toBe(0);
    expect(stdout.match(/yes/g)).toHaveLength(3);
  });

  it('counts on the sparse engine where asked', async () => {
    const { spec, dir, manifest } = await setUp();
    const { stdout } = await ebbEval(dir, '--data', spec, '--engine', 'sparse', '--json');
    const counted = JSON.parse(stdout).levels.map(
      ({ engine, correct }: { engine: string; correct: number }) => [engine, correct],
    );
    expect(counted).toEqual(manifest.levels.map(({ accuracy }) => ['sparse', accuracy?.correct]));
  });

  it('counts one level or the other split where asked, and compares only what the manifest measured', async () => {
    const { spec, dir } = await setUp();
    const args = [dir, '--data', spec, '--level', '2', '--split', 'train', '--json'];
    const { levels } = JSON.parse((await ebbEval(...args)).stdout);
    expect(levels).toHaveLength(1);
    expect(levels[0]).toMatchObject({ level: 2, count: 10 });
    expect(levels[0]).not.toHaveProperty('agrees');
  });

  it('ends with status 1 where the data do not fit the bundle, and names the cure', async () => {
    const { dir } = await setUp();
    const larger = await writeFamily({
      'train-images-idx3-ubyte': idx([10, 4, 4], counting(160)),
      't10k-images-idx3-ubyte.gz': undefined,
      't10k-images-idx3-ubyte': idx([4, 4, 4], counting(64)),
    });
    const size = await ebbEval(dir, '--data', larger);
    expect(size.status).toBe(1);
    expect(size.stdout).toBe('');
    expect(size.stderr).toContain(
      'images must be 1 x 3 x 2 (NCHW): current value of "digits" is 1 x 4 x 4; choose',
    );
    const classes = await ebbEval(dir, '--data', await writeFamily({}, 'fashion-mnist'));
    expect(classes.status).toBe(1);
    expect(classes.stderr).toContain(
      'class 0 must be "0": current value of "fashion-mnist" is "T-shirt/top"',
    );
  });

  it('ends with status 2 after wrong use', async () => {
    const { spec, dir } = await setUp();
    for (const args of [
      [dir],
      [dir, '--data', 'mnist'],
      [dir, '--data', spec, '--level', '3'],
      [dir, '--data', spec, '--engine', 'x'],
    ]) {
      const { status, stdout, stderr } = await ebbEval(...args);
      expect(status).toBe(2);
      expect(stdout).toBe('');
      expect(stderr).not.toBe('');
    }
  });
});
