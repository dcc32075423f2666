import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { readBundle } from '../../bundle/read-bundle.ts';
import { openEngine } from '../../engine/open-engine.ts';
import { InferClient } from '../../lab/load/infer-client.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { drawNumbers } from '../tiny-bundle.ts';
import { ebb, endsWithin2s, printed, spawnEbb } from './ebb.ts';

describe('one path, from end to end', () => {
  it('trains, inspects, evaluates, calibrates, and serves what the engine computes', async () => {
    const dir = await temporaryFolder();
    const run = join(dir, 'run');
    const bundle = join(run, 'bundle');
    const trained = await ebb(
      ['train', '--data', 'shapes', '--levels', '0,0.8', '--granularity', 'channel'].concat([
        '--epochs',
        '0.04',
        '--backend',
        'wasm',
        '--out',
        run,
        '--json',
      ]),
    );
    expect(trained.status, trained.stderr).toBe(0);
    expect((await readdir(run)).sort()).toEqual([
      'bundle',
      'metrics.jsonl',
      'report.html',
      'run.json',
      'settings.json',
    ]);

    const inspected = JSON.parse((await ebb(['inspect', bundle, '--json'])).stdout);
    expect(inspected.levels[1].macs).toBeLessThan(0.5 * inspected.levels[0].macs);
    expect(inspected.nested).toBe(true);

    const evaluated = JSON.parse((await ebb(['eval', bundle, '--data', 'shapes', '--json'])).stdout);
    expect(evaluated.levels.map((level: { correct: number }) => level.correct)).toEqual(
      inspected.levels.map((level: { accuracy: { correct: number } }) => level.accuracy.correct),
    );

    const cache = join(dir, 'cache');
    const calibrated = await ebb(['calibrate', bundle, '--profile', 'x86', '--cache', cache, '--json']);
    const { levels, memory, process_bytes: processBytes } = JSON.parse(calibrated.stdout);
    expect(levels).toHaveLength(2);
    expect(memory).toMatchObject([
      { engine: 'ort', bytes: expect.any(Number), level_bytes: expect.any(Array), is_exact: false },
      { engine: 'sparse', bytes: expect.any(Number), is_exact: true },
    ]);
    expect(processBytes).toBeGreaterThan(memory[0].bytes + memory[1].bytes);

    const agent = spawnEbb([
      'run',
      bundle,
      '--profile',
      'x86',
      '--cache',
      cache,
      '--http',
      '127.0.0.1:0',
      '--json',
    ]);
    onTestFinished(() => void agent.kill('SIGKILL'));
    const listening = await printed(agent, /"event":"listening".*\n/);
    const url = /"http":"([^"]+)"/.exec(listening)![1]!;
    const { manifest, models } = await readBundle(bundle);
    const client = new InferClient({
      url,
      model: manifest.name,
      input: { name: manifest.input.name, shape: manifest.input.shape.slice(1) as number[] },
    });
    onTestFinished(() => client.close());
    const engine = await openEngine({ dir: bundle, manifest, models });
    onTestFinished(() => engine.close());
    const images = drawNumbers(3 * 28 * 28, 1);
    const answer = await client.infer(images, 3);
    expect(answer.status).toBe(200);
    // After so short a training either level may be the more accurate one, which the agent begins with.
    const level = answer.level ?? -1;
    expect([0, 1]).toContain(level);
    // The agent's calibration has chosen one of them.
    const outputs = engine.engines.map(({ name }) => engine.run(images, 3, { level, engine: name }));
    const expected = (await Promise.all(outputs)).map(({ output }) => output);
    expect(expected).toContainEqual(answer.output);
    const refused = await client.infer(images.subarray(1), 3);
    expect(refused.status).toBe(400);
    expect(refused.error).toMatch(/must/);
    expect(await endsWithin2s(agent, 'SIGTERM')).toBe(143);
  }, 90_000);

  it('ends within 2 s of Ctrl-C in the middle of training, and says how to go on', async () => {
    const dir = await temporaryFolder();
    const child = spawnEbb([
      'train',
      '--data',
      'shapes',
      '--levels',
      '0,0.8',
      '--epochs',
      '50',
      '--backend',
      'wasm',
      '--out',
      join(dir, 'run'),
    ]);
    onTestFinished(() => void child.kill('SIGKILL'));
    await printed(child, /images\/s/);
    let told = '';
    child.stderr?.on('data', (text) => {
      told += text;
    });
    expect(await endsWithin2s(child, 'SIGINT')).toBe(130);
    expect(told).toContain('steps are saved: go on with "ebb train --resume --out');
    const left = await readdir(join(dir, 'run'));
    expect(left.sort()).toEqual(['checkpoint.bin', 'metrics.jsonl', 'settings.json']);
  }, 60_000);
});
