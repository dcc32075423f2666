import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { CommanderError } from 'commander';
import { describe, expect, it } from 'vitest';
import { UsageError } from '../../terminal/usage-error.ts';
import { chooseBackend } from '../../trainer/backend/open-backend.ts';
import { progressLine } from '../../trainer/progress-line.ts';
import { claimRunFolder } from '../../trainer/run-folder.ts';
import { runTraining } from '../../trainer/run-training.ts';
import { command, parseLevels } from '../../trainer/train-command.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { toyData } from './toy-data.ts';

/** The toy data as a folder of the MNIST family. */
async function toySpec(): Promise<string> {
  const dir = join(await temporaryFolder(), 'toy');
  await mkdir(dir);
  const data = toyData(128, 30);
  for (const [prefix, split] of [
    ['train', data.train],
    ['t10k', data.test],
  ] as const) {
    const header = (...numbers: number[]) => Buffer.from(Uint32Array.from(numbers).buffer).swap32();
    const images = Buffer.concat([header(0x803, split.count, 8, 8), Uint8Array.from(split.inputs)]);
    await writeFile(join(dir, `${prefix}-images-idx3-ubyte.gz`), gzipSync(images));
    const labels = Buffer.concat([header(0x801, split.count), Uint8Array.from(split.labels)]);
    await writeFile(join(dir, `${prefix}-labels-idx1-ubyte.gz`), gzipSync(labels));
  }
  return `idx:${dir}`;
}

const options = {
  net: 'resnet8',
  width: 1,
  sparsities: [0, 0.5],
  epochs: 2,
  batch: 32,
  granularity: 'channel',
  correction: true,
  backend: 'wasm',
  seed: 1,
} as const;

describe('runTraining()', () => {
  it('writes bundle, metrics, curve and summary', async () => {
    const out = join(await temporaryFolder(), 'deep', 'run');
    const lines: string[] = [];
    const data = await toySpec();
    const run = { ...options, sparsities: [...options.sparsities], data, out };
    const summary = await runTraining(run, { onProgress: (line) => lines.push(line) });
    expect((await readdir(out)).sort()).toEqual(['bundle', 'curve.svg', 'metrics.jsonl', 'run.json']);
    expect(JSON.parse(await readFile(join(out, 'run.json'), 'utf8'))).toEqual(summary);
    const metrics = (await readFile(join(out, 'metrics.jsonl'), 'utf8')).trim().split('\n');
    const steps = metrics.map((line) => JSON.parse(line) as { level: number; conflicts: number });
    expect(steps.map(({ level }) => level)).toEqual([0, 1, 0, 1, 0, 1, 0, 1]);
    const conflicts = steps.reduce((sum, step) => sum + step.conflicts, 0);
    expect(summary.correction.conflicting_tensors).toBe(conflicts);
    expect(summary.levels.length).toBe(2);
    expect(lines[0]).toMatch(/^epoch 1\/2 {2}\[.{20}\] {2}loss \d+\.\d\d {2}\d+ images\/s {2}.* left$/);
    await expect(runTraining({ ...run })).rejects.toThrow(/must not hold a run already/);
  });

  it('leaves no folder behind where it is stopped', async () => {
    const out = join(await temporaryFolder(), 'run');
    const controller = new AbortController();
    const reason = new Error('stopped by SIGINT');
    const run = { ...options, sparsities: [0], data: await toySpec(), out, epochs: 1000 };
    const hooks = { signal: controller.signal, onProgress: () => controller.abort(reason) };
    await expect(runTraining(run, hooks)).rejects.toBe(reason);
    expect(existsSync(out)).toBe(false);
  });
});

describe('claimRunFolder()', () => {
  it('refuses a folder that holds a run, and a path that is no folder', async () => {
    const dir = await temporaryFolder();
    await writeFile(join(dir, 'run.json'), '{}');
    await expect(claimRunFolder(dir)).rejects.toThrow(UsageError);
    await expect(claimRunFolder(join(dir, 'run.json', 'below'))).rejects.toThrow(/choose another --out/);
  });

  it('refuses a folder that cannot be made, and does not try for ever', async () => {
    const file = join(await temporaryFolder(), 'file');
    await writeFile(file, '');
    await expect(claimRunFolder(file)).rejects.toThrow(/must be a folder that can be written/);
    if (existsSync('/proc/self'))
      await expect(claimRunFolder('/proc/absent/run')).rejects.toThrow(
        /must be a folder that can be written/,
      );
  });

  it('removes the folders it made, and only those', async () => {
    const dir = await temporaryFolder();
    await (await claimRunFolder(join(dir, 'a', 'b'))).release();
    expect(await readdir(dir)).toEqual([]);
  });

  it('keeps a folder that was there before', async () => {
    const dir = await temporaryFolder();
    await (await claimRunFolder(dir)).release();
    expect(existsSync(dir)).toBe(true);
  });
});

describe('the command line of ebb train', () => {
  const parse = (...args: string[]) =>
    command()
      .exitOverride()
      .configureOutput({ writeErr: () => {} })
      .parseAsync(args, { from: 'user' });
  const base = ['--data', 'shapes', '--levels', '0,0.5', '--epochs', '1', '--out', 'x'];

  it('refuses wrong values, each with what would be right', async () => {
    await expect(parse(...base, '--epochs', '0')).rejects.toThrow(/--epochs as it must be a number above 0/);
    await expect(parse(...base, '--batch', '1.5')).rejects.toThrow(/--batch as it must be a whole number/);
    await expect(parse(...base, '--seed', 'a')).rejects.toThrow(UsageError);
    await expect(parse(...base, '--lr', '-1')).rejects.toThrow(UsageError);
    await expect(parse(...base, '--name', '../x')).rejects.toThrow(/--name as it must be 1 to 64 letters/);
    await expect(parse(...base, '--net', 'vgg')).rejects.toThrow(/Allowed choices are resnet8/);
    await expect(parse(...base, '--method', 'joint')).rejects.toThrow(CommanderError);
  });

  it('reads levels as ascending sparsities', () => {
    expect(parseLevels('0, 0.8,0.9')).toEqual([0, 0.8, 0.9]);
    for (const text of ['', '1', '0.5,0.5', '0.9,0.1', '0,,0.5', 'dense', '-0.1'])
      expect(() => parseLevels(text)).toThrow(UsageError);
  });
});

describe('chooseBackend()', () => {
  it('falls back to wasm for auto, saying why, and fails for node with the cure', () => {
    expect(chooseBackend('auto', () => undefined)).toEqual({ name: 'node' });
    expect(chooseBackend('wasm', () => undefined)).toEqual({ name: 'wasm' });
    const { name, note } = chooseBackend('auto', () => 'it is absent');
    expect(name).toBe('wasm');
    expect(note).toMatch(/it is absent/);
    expect(() => chooseBackend('node', () => 'it is absent')).toThrow(/it is absent.*--backend wasm/);
  });
});

it('progressLine() shows how far training is', () => {
  const state = {
    done: 50,
    iterations: 100,
    epochs: 2,
    loss: 0.621,
    imagesPerSecond: 212.4,
    secondsLeft: 180,
  };
  expect(progressLine(state)).toBe('epoch 2/2  [==========>         ]  loss 0.62  212 images/s  3 min left');
  expect(progressLine({ ...state, done: 100, secondsLeft: 0 })).toMatch(/^epoch 2\/2 {2}\[={20}\]/);
});
