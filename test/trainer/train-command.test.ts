import { existsSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CommanderError } from 'commander';
import { describe, expect, it } from 'vitest';
import { UsageError } from '../../terminal/usage-error.ts';
import { chooseBackend } from '../../trainer/backend/open-backend.ts';
import { parseLevels } from '../../trainer/levels.ts';
import { loadCheckpoint } from '../../trainer/run/checkpoint.ts';
import type { Metric } from '../../trainer/run/metric.ts';
import { progressLine } from '../../trainer/run/progress-line.ts';
import { readMetrics } from '../../trainer/run/read-metrics.ts';
import { claimRunFolder } from '../../trainer/run/run-folder.ts';
import type { RunSummary } from '../../trainer/run/run-summary.ts';
import { runTraining } from '../../trainer/run/run-training.ts';
import { completeSettings, type NewSettings } from '../../trainer/settings.ts';
import { command } from '../../trainer/train-command.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { checkPage } from './check-page.ts';
import { toySpec } from './toy-spec.ts';

const settingsOf = async (change: Partial<NewSettings> = {}) =>
  completeSettings({
    data: await toySpec(),
    levels: '0,0.5',
    epochs: 2,
    batch: 32,
    granularity: 'channel',
    backend: 'wasm',
    validation: 0,
    ...change,
  });

/** By level, as the density of the layers says. */
const keptWeights = ({ density, levels }: RunSummary) =>
  levels.map((_, level) =>
    density.reduce((sum, { shape, levels: shares }) => {
      const weights = shape.reduce((product, length) => product * length, 1);
      return sum + Math.round(weights * shares[level]!);
    }, 0),
  );

describe('runTraining()', () => {
  it('writes bundle, metrics, report and summary', async () => {
    const out = join(await temporaryFolder(), 'deep', 'run');
    const lines: string[] = [];
    const settings = await settingsOf({ validation: 0.2 });
    const summary = await runTraining({ settings, out }, { onProgress: (line) => lines.push(line) });
    expect((await readdir(out)).sort()).toEqual([
      'bundle',
      'metrics.jsonl',
      'report.html',
      'run.json',
      'settings.json',
    ]);
    expect(JSON.parse(await readFile(join(out, 'run.json'), 'utf8'))).toEqual(summary);
    const metrics: Metric[] = [];
    for await (const metric of readMetrics(join(out, 'metrics.jsonl'))) metrics.push(metric);
    const steps = metrics.filter((metric) => metric.kind === 'step');
    expect(steps.map(({ levels }) => levels[0]!.level)).toEqual([0, 1, 0, 1, 0, 1]);
    const epochs = metrics.filter((metric) => metric.kind === 'epoch');
    expect(epochs.map(({ iteration }) => iteration)).toEqual([3, 6]);
    for (const { validation } of epochs) expect(validation.map(({ count }) => count)).toEqual([26, 26]);
    const conflicts = steps.reduce((sum, step) => sum + step.conflicts, 0);
    expect(summary.correction.conflicting_tensors).toBe(conflicts);
    expect(summary.levels.length).toBe(2);
    expect(keptWeights(summary)).toEqual(summary.levels.map(({ nonzeros }) => nonzeros));
    const { compared_tensors } = summary.correction;
    // The second step of every group of two compares every convolution: channels go from the stem, too.
    expect(compared_tensors).toBe(3 * summary.density.filter(({ shape }) => shape.length === 4).length);
    const { text } = checkPage(await readFile(join(out, 'report.html'), 'utf8'));
    expect(text).toContain('toy-resnet8');
    expect(lines[0]).toMatch(/^epoch 1\/2 {2}\[.{20}\] {2}loss \d+\.\d\d {2}\d+ images\/s {2}.* left$/);
    await expect(runTraining({ settings, out })).rejects.toThrow(/must not hold a run already/);
    await expect(runTraining({ out })).rejects.toThrow(/must not be finished/);
  });

  it('leaves no folder behind where it is stopped before its first step', async () => {
    const out = join(await temporaryFolder(), 'run');
    const controller = new AbortController();
    const reason = new Error('stopped by SIGINT');
    controller.abort(reason);
    const hooks = { signal: controller.signal };
    await expect(runTraining({ settings: await settingsOf(), out }, hooks)).rejects.toBe(reason);
    expect(existsSync(out)).toBe(false);
  });

  it('saves where it is stopped, and ends in the undisturbed bundle once resumed', async () => {
    const dir = await temporaryFolder();
    const settings = await settingsOf({
      validation: 0.1,
      levels: '0,0.5,0.8',
      granularity: 'element',
      drop_fraction: 0.3,
    });
    const whole = await runTraining({ settings, out: join(dir, 'whole') });
    const out = join(dir, 'pieces');
    for (const stopAfter of [1, 4]) {
      const controller = new AbortController();
      const notes: string[] = [];
      let lines = 0;
      const onProgress = () => {
        lines += 1;
        if (lines === stopAfter) controller.abort(new Error('stopped by SIGINT'));
      };
      const hooks = { signal: controller.signal, onProgress, onNote: (note: string) => notes.push(note) };
      const run = stopAfter === 1 ? { settings, out } : { out };
      await expect(runTraining(run, hooks)).rejects.toThrow('stopped by SIGINT');
      expect(notes.at(-1)).toMatch(/steps are saved: go on with "ebb train --resume --out/);
      await expect(runTraining({ settings, out })).rejects.toThrow(/add --resume/);
    }
    const pieces = await runTraining({ out });
    expect(pieces.levels).toEqual(whole.levels);
    expect(keptWeights(whole)).toEqual(whole.levels.map(({ nonzeros }) => nonzeros));
    expect(await readFile(join(out, 'metrics.jsonl'), 'utf8')).toBe(
      await readFile(join(dir, 'whole', 'metrics.jsonl'), 'utf8'),
    );
    expect(existsSync(join(out, 'checkpoint.bin'))).toBe(false);
  });

  it('stops where the loss is no number, says at which step, and keeps the last good checkpoint', async () => {
    const out = join(await temporaryFolder(), 'run');
    // Decay at this rate throws every weight to -9 times itself in each step.
    const settings = await settingsOf({ lr: 10, weight_decay: 1, epochs: 100 });
    const notes: string[] = [];
    const hooks = { onNote: (note: string) => notes.push(note) };
    await expect(runTraining({ settings, out, checkpointSeconds: 0 }, hooks)).rejects.toThrow(
      /loss must be finite: current value is \w+ in iteration \d+; lower --lr \(now 10\)/,
    );
    const kept = await loadCheckpoint(join(out, 'checkpoint.bin'));
    expect(kept!.done).toBeGreaterThan(5);
    expect(kept!.state.get('weights')!.every(Number.isFinite)).toBe(true);
    expect(notes.at(-1)).toContain(`${kept!.done} of 400 steps are saved`);
  });

  it('names a checkpoint that is damaged, and the cure', async () => {
    const out = join(await temporaryFolder(), 'run');
    const controller = new AbortController();
    const hooks = { signal: controller.signal, onProgress: () => controller.abort(new Error('enough')) };
    await expect(runTraining({ settings: await settingsOf(), out }, hooks)).rejects.toThrow('enough');
    const path = join(out, 'checkpoint.bin');
    const bytes = await readFile(path);
    for (const damaged of [
      bytes.subarray(0, 5),
      bytes.subarray(0, bytes.length - 9),
      Buffer.from('EBBC0000'),
    ]) {
      await writeFile(path, damaged);
      await expect(runTraining({ out })).rejects.toThrow(
        /Cannot resume from .*checkpoint.bin.* remove the file/,
      );
    }
  });
});

describe('claimRunFolder()', () => {
  const settings = completeSettings({ data: 'shapes', levels: '0', epochs: 1 });

  it('refuses a folder that holds a run, and a path that is no folder', async () => {
    const dir = await temporaryFolder();
    await writeFile(join(dir, 'run.json'), '{}');
    await expect(claimRunFolder(dir, settings)).rejects.toThrow(UsageError);
    await expect(claimRunFolder(join(dir, 'run.json', 'below'), settings)).rejects.toThrow(
      /choose another --out/,
    );
  });

  it('refuses a folder that cannot be made, and does not try for ever', async () => {
    const file = join(await temporaryFolder(), 'file');
    await writeFile(file, '');
    await expect(claimRunFolder(file, settings)).rejects.toThrow(/must be a folder that can be written/);
    if (existsSync('/proc/self'))
      await expect(claimRunFolder('/proc/absent/run', settings)).rejects.toThrow(
        /must be a folder that can be written/,
      );
  });

  it('removes the folders it made, and only those', async () => {
    const dir = await temporaryFolder();
    await (await claimRunFolder(join(dir, 'a', 'b'), settings)).release();
    expect(await readdir(dir)).toEqual([]);
  });

  it('keeps a folder that was there before', async () => {
    const dir = await temporaryFolder();
    await (await claimRunFolder(dir, settings)).release();
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
    await expect(parse(...base, '--epochs', '0')).rejects.toThrow(
      /--epochs as it must be a number above 0: current value is "0"/,
    );
    await expect(parse(...base, '--batch', '1.5')).rejects.toThrow(
      /--batch as it must be a whole number: current value is "1.5"/,
    );
    await expect(parse(...base, '--seed', 'a')).rejects.toThrow(UsageError);
    await expect(parse(...base, '--lr', '-1')).rejects.toThrow(UsageError);
    await expect(parse(...base, '--name', '../x')).rejects.toThrow(/--name as it must be 1 to 64 letters/);
    await expect(parse(...base, '--net', 'vgg')).rejects.toThrow(/Allowed choices are resnet8/);
    await expect(parse(...base, '--method', 'sum')).rejects.toThrow(CommanderError);
    await expect(parse('--levels', '0', '--epochs', '1', '--out', 'x')).rejects.toThrow(
      /--data must be given/,
    );
    await expect(parse(...base, '--resume')).rejects.toThrow(/Cannot resume with --data/);
    await expect(parse(...base, '--ramp-end', '0.9')).rejects.toThrow(/--frozen-from/);
  });

  it('reads levels as ascending sparsities or patterns', () => {
    expect(parseLevels('0, 0.8,0.9').map(({ sparsity }) => sparsity)).toEqual([0, 0.8, 0.9]);
    expect(parseLevels('0,2:4,1:8')).toEqual([
      { sparsity: 0 },
      { sparsity: 0.5, pattern: { n: 2, m: 4 } },
      { sparsity: 0.875, pattern: { n: 1, m: 8 } },
    ]);
    for (const text of ['', '1', '0.5,0.5', '0.9,0.1', '0,,0.5', 'dense', '-0.1', '4:4', '0:4', '1:4,2:4'])
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
