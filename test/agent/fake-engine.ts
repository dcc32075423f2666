import type { Manifest } from '../../bundle/manifest.ts';
import { buildManifest } from '../../bundle/write-bundle.ts';
import { type Engine, EngineEndedError, levelOfRun, type RunResult } from '../../engine/engine.ts';
import { tinyBundle } from '../tiny-bundle.ts';

/** The manifest of the tiny bundle: three levels, input `image` [batch, 1, 8, 8], three classes. */
export const tinyManifest = buildManifest(tinyBundle());

export type FakeEngine = Engine & {
  /** Runs that wait for `release`. */
  readonly waiting: number;
  /** While true, runs wait until `release` is called. */
  hold: boolean;
  /** Answers the oldest waiting run, or fails it. */
  release(error?: Error): void;
  /** Ends the engine as a crash of its thread does: runs that wait reject. */
  crash(message: string): void;
  /** Whether it was closed or abandoned. */
  readonly over: 'closed' | 'abandoned' | undefined;
  /** Levels of the answered runs, in order. */
  readonly ran: number[];
};

/**
 * An engine without onnxruntime: row i of the output is `[sum of input i, level, batch]`.
 * `inferMs` says how long a run claims to have taken; nothing waits in fact.
 */
export function fakeEngine(
  options: {
    inferMs?: (level: number, batch: number) => number;
    manifest?: Manifest;
    /** As a run begins. */
    onRun?: (input: Float32Array, level: number) => void;
  } = {},
): FakeEngine {
  const { inferMs = () => 1, manifest = tinyManifest, onRun } = options;
  const queue: { start: () => void; fail: (error: Error) => void }[] = [];
  const ran: number[] = [];
  let level = 0;
  let pending = 0;
  let over: FakeEngine['over'];
  let tellEnd: (error: EngineEndedError) => void = () => {};
  const ended = new Promise<EngineEndedError>((resolve) => {
    tellEnd = resolve;
  });
  const crash = (message: string) => {
    const error = new EngineEndedError(message);
    for (const { fail } of queue.splice(0)) fail(error);
    tellEnd(error);
  };
  const engine: FakeEngine = {
    manifest,
    engines: [{ name: 'ort', provider: 'cpu' }],
    skipped: [],
    hold: false,
    ended,
    crash,
    ran,
    get level() {
      return level;
    },
    get pending() {
      return pending;
    },
    get waiting() {
      return queue.length;
    },
    engineOf: () => 'ort',
    setEngine() {},
    threads: 1,
    setThreads() {},
    tune: async (known = []) => [...known],
    memory: async () => [
      { engine: 'ort', bytes: 6e6, levelBytes: [3e6, 2e6, 1e6], isExact: false },
      { engine: 'sparse', bytes: 2e6, isExact: true },
    ],
    setLevel(next) {
      level = next;
    },
    run(input, batch, runOptions = {}) {
      if (input.length % batch !== 0) throw new RangeError(`${input.length} numbers are no ${batch} inputs`);
      pending += 1;
      const size = input.length / batch;
      const compute = (): RunResult => {
        const used = levelOfRun(runOptions, level);
        onRun?.(input, used);
        ran.push(used);
        const output = Float32Array.from({ length: batch * 3 }, (_, i) => {
          const row = Math.floor(i / 3);
          const sum = input.subarray(row * size, (row + 1) * size).reduce((a, b) => a + b, 0);
          return [sum, used, batch][i % 3]!;
        });
        return { output, level: used, engine: 'ort', waitMs: 0, inferMs: inferMs(used, batch) };
      };
      return new Promise<RunResult>((resolve, reject) => {
        const start = () => resolve(compute());
        if (engine.hold) queue.push({ start, fail: reject });
        else start();
      }).finally(() => {
        pending -= 1;
      });
    },
    release(error) {
      const run = queue.shift();
      if (error) run?.fail(error);
      else run?.start();
    },
    get over() {
      return over;
    },
    async close() {
      over ??= 'closed';
      crash('closed');
    },
    abandon(reason) {
      over ??= 'abandoned';
      crash(reason);
    },
  };
  return engine;
}
