import { execFileSync } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { readBundle } from '../../bundle/read-bundle.ts';
import { writeBundle } from '../../bundle/write-bundle.ts';
import type { OpenOptions } from '../../engine/engine.ts';
import { openEngine } from '../../engine/open-engine.ts';
import { openThreadEngine } from '../../engine/thread/thread-engine.ts';
import { ArgumentError } from '../../errors/ebb-error.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { drawNumbers, tinyBundle } from '../tiny-bundle.ts';

async function openTiny(options?: OpenOptions) {
  const dir = `${await temporaryFolder()}/bundle`;
  await writeBundle(dir, tinyBundle());
  const engine = await openEngine(await readBundle(dir), { engine: 'ort', ...options });
  onTestFinished(() => engine.close());
  return engine;
}

describe('engine ort', () => {
  it('answers with the active level, and each level computes something else', async () => {
    const engine = await openTiny();
    const input = drawNumbers(64, 7);
    const outputs = [];
    for (const level of [0, 1, 2]) {
      engine.setLevel(level);
      const result = await engine.run(input, 1);
      expect(result.level).toBe(level);
      expect(result.output).toHaveLength(3);
      expect(result.inferMs).toBeGreaterThan(0);
      outputs.push(Array.from(result.output).join());
    }
    expect(new Set(outputs).size).toBe(3);
  });

  it('runs a batch as it runs its inputs one by one', async () => {
    const engine = await openTiny();
    const input = drawNumbers(5 * 64, 3);
    const whole = await engine.run(input, 5);
    for (let i = 0; i < 5; i += 1) {
      const one = await engine.run(input.subarray(i * 64, (i + 1) * 64), 1);
      for (let k = 0; k < 3; k += 1) expect(one.output[k]).toBeCloseTo(whole.output[i * 3 + k]!, 5);
    }
  });

  it('runs one level on request without a swap', async () => {
    const engine = await openTiny({ level: 1 });
    expect((await engine.run(drawNumbers(64, 1), 1, { level: 2 })).level).toBe(2);
    expect((await engine.run(drawNumbers(64, 1), 1)).level).toBe(1);
  });

  it('loses no request and mixes no levels while the level changes every millisecond', async () => {
    const engine = await openTiny();
    const inputs = Array.from({ length: 16 }, (_, index) => drawNumbers(64, index));
    const expected: Float32Array[][] = [];
    for (const level of [0, 1, 2])
      expected.push(
        await Promise.all(inputs.map(async (input) => (await engine.run(input, 1, { level })).output)),
      );
    let turn = 0;
    const swapper = setInterval(() => engine.setLevel(turn++ % 3), 1);
    onTestFinished(() => clearInterval(swapper));
    const seen = [0, 0, 0];
    let next = 0;
    const client = async () => {
      while (next < 4000) {
        const which = next++ % inputs.length;
        const { output, level } = await engine.run(inputs[which]!, 1);
        expect(output).toEqual(expected[level]![which]);
        seen[level]! += 1;
      }
    };
    await Promise.all(Array.from({ length: 8 }, client));
    expect(seen[0]! + seen[1]! + seen[2]!).toBe(4000);
    expect(Math.min(...seen)).toBeGreaterThan(0);
  });

  it('refuses wrong sizes and levels, and goes on', async () => {
    const engine = await openTiny();
    await expect(engine.run(new Float32Array(63), 1)).rejects.toThrow(
      /64 numbers for each of 1 inputs: current value is 63/,
    );
    await expect(engine.run(new Float32Array(0), 0)).rejects.toThrow(ArgumentError);
    expect(() => engine.setLevel(3)).toThrow(/must be 0 to 2: current value is 3/);
    expect(() => engine.setLevel(0.5)).toThrow(ArgumentError);
    await expect(engine.run(new Float32Array(64), 1, { level: -1 })).rejects.toThrow(ArgumentError);
    expect((await engine.run(new Float32Array(64), 1)).level).toBe(0);
  });

  it('leaves the caller its input', async () => {
    const engine = await openTiny();
    const input = drawNumbers(64, 5);
    const before = Array.from(input);
    await engine.run(input, 1);
    expect(Array.from(input)).toEqual(before);
  });

  it('rejects what is pending when it is closed, and all that comes later', async () => {
    const engine = await openTiny();
    const pending = Promise.allSettled(Array.from({ length: 50 }, () => engine.run(new Float32Array(64), 1)));
    await engine.close();
    const results = await pending;
    expect(results.at(-1)?.status).toBe('rejected');
    await expect(engine.run(new Float32Array(64), 1)).rejects.toThrow('The engine was closed');
    expect(engine.pending).toBe(0);
    expect((await engine.ended).message).toBe('The engine was closed');
  });

  it('says so where the thread ends before it is ready', async () => {
    const dir = `${await temporaryFolder()}/bundle`;
    await writeBundle(dir, tinyBundle([4]));
    const thread = new URL('./quiet-thread.js', import.meta.url);
    await expect(openThreadEngine(await readBundle(dir), ['ort'], {}, thread)).rejects.toThrow(
      /ended with status 3 before it was ready/,
    );
  });

  it('tells that its thread crashed, and rejects what is pending and all that comes later', async () => {
    const dir = `${await temporaryFolder()}/bundle`;
    await writeBundle(dir, tinyBundle());
    const thread = new URL('./crashing-thread.js', import.meta.url);
    const engine = await openThreadEngine(await readBundle(dir), ['ort'], {}, thread);
    onTestFinished(() => engine.close());
    const pending = engine.run(new Float32Array(64), 1);
    await expect(pending).rejects.toThrow('The inference thread crashed: out of memory');
    expect((await engine.ended).message).toBe('The inference thread crashed: out of memory');
    await expect(engine.run(new Float32Array(64), 1)).rejects.toThrow('out of memory');
    expect(engine.pending).toBe(0);
  });

  it('names the bundle and the provider where no session can be opened', async () => {
    const dir = `${await temporaryFolder()}/bundle`;
    const bundle = tinyBundle([4]);
    await writeBundle(dir, { ...bundle, levels: [{ ...bundle.levels[0]!, onnx: Buffer.from('no model') }] });
    await expect(openEngine(await readBundle(dir), { engine: 'ort' })).rejects.toThrow(
      /Cannot open bundle "tiny": cpu: /,
    );
  });

  it('falls back to the next execution provider', async () => {
    const engine = await openTiny({ providers: ['no-such-provider', 'cpu'] });
    expect(engine.engines).toMatchObject([{ name: 'ort', provider: 'cpu' }]);
    expect(engine.skipped).toMatchObject([
      { provider: 'no-such-provider', reason: expect.stringMatching(/./) },
    ]);
    expect((await engine.run(new Float32Array(64), 1)).output).toHaveLength(3);
  });

  it('silenceTelemetry() keeps onnxruntime from logging its use in the cache folder and reporting it', async () => {
    const home = await temporaryFolder();
    const dir = `${await temporaryFolder()}/bundle`;
    await writeBundle(dir, tinyBundle());
    const from = (file: string) => JSON.stringify(new URL(`../../${file}`, import.meta.url).href);
    const script = `(async () => {
      const { openEngine } = await import(${from('engine/open-engine.js')});
      const { readBundle } = await import(${from('bundle/read-bundle.js')});
      const { silenceTelemetry } = await import(${from('engine/ort/silence-telemetry.js')});
      silenceTelemetry();
      const engine = await openEngine(await readBundle(${JSON.stringify(dir)}), { engine: 'ort' });
      await engine.run(new Float32Array(64), 1);
      await engine.close();
    })()`;
    const { ORT_DISABLE_TELEMETRY: _, XDG_CACHE_HOME: __, ...env } = process.env;
    execFileSync(process.execPath, ['-e', script], { env: { ...env, HOME: home } });
    expect(await readdir(home)).toEqual([]);
  });
});
