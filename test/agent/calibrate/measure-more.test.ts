import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LevelCalibration } from '../../../agent/calibrate/calibration.ts';
import { measureEnergy, powerOf } from '../../../agent/calibrate/measure-energy.ts';
import { measureThreads, threadsUpTo } from '../../../agent/calibrate/measure-threads.ts';
import type { RunOptions } from '../../../engine/engine.ts';
import { fakeEngine } from '../fake-engine.ts';

const measured = (level: number, engine: 'ort' | 'sparse'): LevelCalibration => {
  const latency = { engine, runs: 10, p50Ms: 8, p95Ms: 8, meanMs: 8 };
  return { level, ...latency, engines: [latency] };
};

describe('threadsUpTo()', () => {
  it('doubles from the least to the most, which is always among them', () => {
    expect(threadsUpTo(1, 1)).toEqual([1]);
    expect(threadsUpTo(1, 6)).toEqual([1, 2, 4, 6]);
    expect(threadsUpTo(2, 4)).toEqual([2, 4]);
    // A machine may have fewer cores than the profile's least.
    expect(threadsUpTo(4, 2)).toEqual([4]);
  });

  it('is a rising list within its bounds', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 64 }), fc.integer({ min: 1, max: 256 }), (least, most) => {
        const counts = threadsUpTo(least, most);
        expect(counts[0]).toBe(least);
        expect(counts.at(-1)).toBe(Math.max(least, most));
        expect(counts.every((count, index) => index === 0 || count > counts[index - 1]!)).toBe(true);
      }),
    );
  });
});

describe('measureThreads()', () => {
  /** An engine whose runs take `latencyMs(level, threads)`. */
  function threadedEngine(latencyMs: (level: number, threads: number) => number) {
    let threads = 1;
    return {
      ...fakeEngine(),
      get threads() {
        return threads;
      },
      setThreads(count: number) {
        threads = count;
      },
      run: async (_input: Float32Array, _batch: number, options: RunOptions = {}) => {
        const { level = 0, engine = 'ort' as const } = options;
        const inferMs = latencyMs(level, threads);
        return { output: new Float32Array(3), level, engine, waitMs: 0, inferMs };
      },
    };
  }
  const options = { batch: 1, seconds: 0.001, monotonicMs: () => 0, maxRuns: 20 };

  it('notes the numbers of threads that gain, and sets the engine back to its own', async () => {
    // Level 0 gains up to four threads, level 1 up to two, level 2 nothing.
    const gains = [
      { 1: 8, 2: 5, 4: 3 },
      { 1: 4, 2: 3, 4: 3.1 },
      { 1: 2, 2: 1.96, 4: 2.5 },
    ] as Record<number, number>[];
    const engine = threadedEngine((level, threads) => gains[level]![threads]!);
    const levels = await measureThreads(
      [measured(0, 'sparse'), measured(1, 'sparse'), measured(2, 'sparse')],
      [1, 2, 4],
      { engine, ...options },
    );
    const noted = levels.map(({ byThreads }) => byThreads?.map(({ threads, p50Ms }) => [threads, p50Ms]));
    expect(noted).toEqual([
      [
        [1, 8],
        [2, 5],
        [4, 3],
      ],
      [
        [1, 4],
        [2, 3],
      ],
      undefined,
    ]);
    expect(engine.threads).toBe(1);
  });

  it('leaves out levels that run on onnxruntime, whose threads cannot be changed', async () => {
    const engine = threadedEngine((_, threads) => 8 / threads);
    const levels = await measureThreads([measured(0, 'ort'), measured(1, 'sparse')], [1, 2], {
      engine,
      ...options,
    });
    expect(levels[0]!.byThreads).toBeUndefined();
    expect(levels[1]!.byThreads).toHaveLength(2);
  });

  it('sets the threads back where it is told to end', async () => {
    const engine = threadedEngine(() => 1);
    const controller = new AbortController();
    const onRun = () => controller.abort(new Error('enough'));
    await expect(
      measureThreads([measured(0, 'sparse')], [1, 2], {
        engine,
        ...options,
        signal: controller.signal,
        onRun,
      }),
    ).rejects.toThrow('enough');
    expect(engine.threads).toBe(1);
  });
});

describe('measureEnergy()', () => {
  /** A machine of 2 W that takes so many watts more while a level runs, and a clock on which a run takes 10 ms. */
  function machine(moreW: (level: number) => number) {
    let nowMs = 0;
    let drawW = 2;
    const engine = {
      ...fakeEngine(),
      run: async (_input: Float32Array, _batch: number, { level = 0 }: RunOptions = {}) => {
        nowMs += 10;
        drawW = 2 + moreW(level);
        return { output: new Float32Array(3), level, engine: 'ort' as const, waitMs: 0, inferMs: 10 };
      },
    };
    return { engine, batch: 2, monotonicMs: () => nowMs, spanMs: 50, readPowerW: async () => drawW };
  }
  const levels = [measured(0, 'ort'), measured(1, 'ort')];

  it('counts what an input takes beyond the idle machine', async () => {
    const found = await measureEnergy(
      levels,
      machine((level) => 4 / 2 ** level),
    );
    // 4 W and 2 W for 10 ms, shared by the two inputs of a run.
    expect(found.map(({ energyMj }) => energyMj)).toEqual([20, 10]);
  });

  it('says nothing where no sensor tells the power, or the noise is louder', async () => {
    const silent = { ...machine(() => 1), readPowerW: async () => undefined };
    expect(await measureEnergy(levels, silent)).toEqual(levels);
    expect(
      await measureEnergy(
        levels,
        machine((level) => 1 - level),
      ),
    ).toEqual(levels);
    expect(
      await measureEnergy(
        levels,
        machine(() => -1),
      ),
    ).toEqual(levels);
  });

  it('needs only one of the first two readings: a counter has none at first', async () => {
    const counter = machine(() => 1);
    let reads = 0;
    const readPowerW = async () => {
      reads += 1;
      return reads === 1 ? undefined : counter.readPowerW();
    };
    const found = await measureEnergy(levels, { ...counter, readPowerW });
    expect(found.map(({ energyMj }) => energyMj)).toEqual([5, 5]);
  });
});

describe('powerOf()', () => {
  it('takes the whole board before the package, and no battery or GPU', () => {
    const reading = (name: string, value: number) => ({ name, value, unit: 'watts', atMs: 0 });
    expect(powerOf([reading('package_power', 9), reading('power', 12)])).toBe(12);
    expect(powerOf([reading('package_power', 9)])).toBe(9);
    expect(powerOf([reading('battery_power', 9), reading('gpu_power', 90)])).toBeUndefined();
  });
});
