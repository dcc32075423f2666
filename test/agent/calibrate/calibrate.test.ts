import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { calibrationKey, defaultCacheDir, readCalibration } from '../../../agent/calibrate/cache.ts';
import type { Calibration } from '../../../agent/calibrate/calibration.ts';
import { readCorrections, writeCorrections } from '../../../agent/calibrate/corrections.ts';
import { measureLevels } from '../../../agent/calibrate/measure-levels.ts';
import { type ObtainOptions, obtainCalibration } from '../../../agent/calibrate/obtain-calibration.ts';
import { parseProfile } from '../../../agent/profile/load-profile.ts';
import type { Identity } from '../../../agent/sense/identity.ts';
import type { SensorRunner } from '../../../agent/sense/runner.ts';
import type { RunOptions } from '../../../engine/engine.ts';
import { temporaryFolder } from '../../temporary-folder.ts';
import { fakeEngine, tinyManifest } from '../fake-engine.ts';

const identity: Identity = {
  board: 'board',
  os: 'os',
  cpu: 'cpu',
  arch: 'x64',
  cores: 2,
  memoryBytes: 1,
  hostname: 'host',
};
const profile = parseProfile('calibration: { seconds: 0.01 }', { name: 'test' });

/** A clock that goes on by a millisecond at each look. */
function tickingClock() {
  let nowMs = 0;
  return () => {
    nowMs += 1;
    return nowMs;
  };
}

describe('measureLevels()', () => {
  it('runs the levels in turn, leaves the warm-up out, and keeps the active level', async () => {
    let runs = 0;
    // The first rounds are a hundred times slower: they must not count.
    const engine = fakeEngine({
      inferMs: (level, batch) => {
        runs += 1;
        return (runs <= 9 ? 100 : 1) * batch * (4 - level);
      },
    });
    engine.setLevel(1);
    const levels = await measureLevels({ engine, batch: 2, seconds: 0.001, monotonicMs: tickingClock() });
    expect(levels.map(({ level, p50Ms, p95Ms, meanMs }) => [level, p50Ms, p95Ms, meanMs])).toEqual([
      [0, 8, 8, 8],
      [1, 6, 6, 6],
      [2, 4, 4, 4],
    ]);
    expect(levels.every(({ runs }) => runs === 10)).toBe(true);
    expect(engine.ran.slice(0, 6)).toEqual([0, 1, 2, 0, 1, 2]);
    expect(engine.level).toBe(1);
  });

  it('keeps the engine that is faster, for each level', async () => {
    const engines = [
      { name: 'ort' as const, provider: 'cpu' },
      { name: 'sparse' as const, provider: 'wasm' },
    ];
    // onnxruntime takes 5 ms whatever the level; the sparse engine 8, 4 and 2.
    const engine = {
      ...fakeEngine(),
      engines,
      run: async (_input: Float32Array, _batch: number, options: RunOptions = {}) => {
        const { level = 0, engine: name = 'ort' } = options;
        const inferMs = name === 'ort' ? 5 : 8 / 2 ** level;
        return { output: new Float32Array(3), level, engine: name, waitMs: 0, inferMs };
      },
    };
    const levels = await measureLevels({ engine, batch: 1, seconds: 0.001, monotonicMs: tickingClock() });
    expect(levels.map(({ engine: name, p50Ms }) => [name, p50Ms])).toEqual([
      ['ort', 5],
      ['sparse', 4],
      ['sparse', 2],
    ]);
    expect(levels[0]!.engines.map(({ engine: name, p50Ms }) => [name, p50Ms])).toEqual([
      ['ort', 5],
      ['sparse', 8],
    ]);
  });

  it('ends when it is told to', async () => {
    const controller = new AbortController();
    controller.abort(new Error('enough'));
    const options = { engine: fakeEngine(), batch: 1, seconds: 1, monotonicMs: tickingClock() };
    await expect(measureLevels({ ...options, signal: controller.signal })).rejects.toThrow('enough');
  });
});

describe('obtainCalibration()', () => {
  async function obtain(cacheDir: string, more: Partial<ObtainOptions> = {}) {
    const engine = fakeEngine();
    const root = await temporaryFolder();
    const times = { nowMs: () => 0, monotonicMs: tickingClock() };
    const common = { engine, identity, profile, cacheDir, force: false, root };
    const obtained = await obtainCalibration({ ...common, ...times, ...more });
    return { ...obtained, ran: engine.ran, runs: engine.ran.length };
  }

  it('measures once, then answers from the cache, and measures again where told to', async () => {
    const cacheDir = join(await temporaryFolder(), 'new', 'folder');
    const first = await obtain(cacheDir);
    expect(first).toMatchObject({ source: 'measured', warning: undefined });
    const second = await obtain(cacheDir);
    expect(second).toMatchObject({ source: 'cache', runs: 0, calibration: first.calibration });
    expect(await obtain(cacheDir, { force: true })).toMatchObject({ source: 'measured' });
    expect((await readdir(cacheDir)).length).toBe(1);
  });

  it('keeps what the levels take in each engine, after two runs of each that come before all others', async () => {
    const cacheDir = await temporaryFolder();
    const { calibration, ran } = await obtain(cacheDir);
    expect(calibration.memory).toEqual(await fakeEngine().memory());
    expect(ran.slice(0, 7)).toEqual([0, 0, 1, 1, 2, 2, 0]);
    expect((await obtain(cacheDir)).calibration.memory).toEqual(calibration.memory);
  });

  it('beside other work of the process asks no sensor for power, and keeps no memory but what was counted', async () => {
    let reads = 0;
    const runner: SensorRunner = {
      read: async () => {
        reads += 1;
        return [];
      },
      stop: async () => {},
    };
    const { calibration } = await obtain(await temporaryFolder(), { runner, isBeside: true });
    expect(calibration.memory).toEqual([{ engine: 'sparse', bytes: 2e6, isExact: true }]);
    expect(reads).toBe(0);
  });

  it('measures again where the cache is corrupt', async () => {
    const cacheDir = await temporaryFolder();
    await obtain(cacheDir);
    const [file] = await readdir(cacheDir);
    for (const text of ['', '{"version":1', '[]', 'null', '{"version":3}']) {
      await writeFile(join(cacheDir, file!), text);
      expect((await obtain(cacheDir)).source).toBe('measured');
    }
  });

  it('works, with a warning, where the cache cannot be written', async () => {
    const file = join(await temporaryFolder(), 'file');
    await writeFile(file, '');
    const obtained = await obtain(join(file, 'below'));
    expect(obtained).toMatchObject({ source: 'measured', warning: expect.stringContaining('cannot keep') });
  });
});

describe('the cache', () => {
  const key = (change: object = {}) =>
    calibrationKey({
      manifest: tinyManifest,
      device: { cpu: 'cpu', cores: 2, arch: 'x64' },
      threads: [1],
      engines: [{ name: 'ort', provider: 'cpu' }],
      batch: 1,
      versions: { ebb: '1', onnxruntime: '1' },
      ...change,
    });

  it('tells apart devices, bundles, engines, threads and batches', () => {
    const [first, ...rest] = tinyManifest.levels;
    const levels = [{ ...first!, sha256: '0'.repeat(64) }, ...rest];
    const keys = [
      key(),
      key({ threads: 2 }),
      key({ batch: 8 }),
      key({ engines: [{ name: 'sparse', provider: 'wasm' }] }),
      key({ versions: { ebb: '2', onnxruntime: '1' } }),
      key({ device: { cpu: 'other', cores: 2, arch: 'x64' } }),
      key({ manifest: { ...tinyManifest, levels } }),
    ];
    expect(new Set(keys).size).toBe(keys.length);
    expect(key()).toBe(key());
  });

  it('holds nothing for a bundle of another number of levels', async () => {
    const dir = await temporaryFolder();
    const measured = { engine: 'ort', runs: 1, p50Ms: 1, p95Ms: 1, meanMs: 1 };
    const level = { level: 0, ...measured, engines: [measured] };
    // As it was written before memory was measured.
    const calibration = { version: 3, key: 'k', measuredAt: '', batch: 1, forms: [], levels: [level] };
    await writeFile(join(dir, 'calibration-k.json'), JSON.stringify(calibration));
    expect(await readCalibration(dir, 'k', 1)).toEqual(calibration);
    expect(await readCalibration(dir, 'k', 2)).toBeUndefined();
  });

  it('follows XDG_CACHE_HOME where that is an absolute path', () => {
    expect(defaultCacheDir({ XDG_CACHE_HOME: '/x' })).toBe('/x/ebb');
    expect(defaultCacheDir({ XDG_CACHE_HOME: 'relative' })).toMatch(/\.cache\/ebb$/);
  });
});

it('what was learnt is kept beside its calibration, and for no other', async () => {
  const dir = join(await temporaryFolder(), 'new');
  const measured = { engine: 'ort' as const, runs: 1, p50Ms: 1, p95Ms: 1, meanMs: 1 };
  const levels = [{ level: 0, ...measured, engines: [measured] }];
  const calibration: Calibration = { version: 3, key: 'k', measuredAt: '', batch: 1, forms: [], levels };
  expect(await readCorrections(dir, calibration)).toBeUndefined();
  await writeCorrections(dir, calibration, [0.1]);
  expect(await readCorrections(dir, calibration)).toEqual([0.1]);
  expect(await readCorrections(dir, { ...calibration, key: 'other' })).toBeUndefined();
  expect(await readCorrections(dir, { ...calibration, levels: [...levels, ...levels] })).toBeUndefined();
  await writeFile(join(dir, 'corrections-k.json'), '{');
  expect(await readCorrections(dir, calibration)).toBeUndefined();
});
