/** What an engine and its inference thread say to each other. */
import type { EngineMemory, EngineName } from '../engine.ts';

export type ThreadData = {
  /** Shared with the main thread where their buffers can be, as `readBundle`'s; else copies. */
  models: Uint8Array[];
  inputName: string;
  outputName: string;
  /** One input's dimensions without the batch. */
  inputShape: number[];
  /** Those to open; at least one must. */
  engines: EngineName[];
  /** onnxruntime's execution providers, in the wished order. */
  providers: string[];
  /** Int32 values, see `settingsOf`. */
  settings: SharedArrayBuffer;
};

/** What both sides share, so that a change is one atomic store, which the thread reads as each run begins. */
export type Settings = {
  level: number;
  threads: number;
  /** Runs that have not begun shall not begin. */
  isClosing: boolean;
  /** The engine that runs a level. */
  engineOf(level: number): EngineName;
  setEngine(level: number, engine: EngineName): void;
};

/** Words before those of the levels' engines: level, threads, closing. */
const firstEngine = 3;

const engineCodes: readonly EngineName[] = ['ort', 'sparse'];

export function createSettings(levels: number): SharedArrayBuffer {
  return new SharedArrayBuffer((firstEngine + levels) * Int32Array.BYTES_PER_ELEMENT);
}

export function settingsOf(shared: SharedArrayBuffer): Settings {
  const words = new Int32Array(shared);
  return {
    get level() {
      return Atomics.load(words, 0);
    },
    set level(level) {
      Atomics.store(words, 0, level);
    },
    get threads() {
      return Atomics.load(words, 1);
    },
    set threads(threads) {
      Atomics.store(words, 1, threads);
    },
    get isClosing() {
      return Atomics.load(words, 2) === 1;
    },
    set isClosing(closing) {
      Atomics.store(words, 2, Number(closing));
    },
    engineOf: (level) => engineCodes[Atomics.load(words, firstEngine + level)] ?? 'ort',
    setEngine: (level, engine) => Atomics.store(words, firstEngine + level, engineCodes.indexOf(engine)),
  };
}

/** An engine that was opened. */
export type Opened = {
  name: EngineName;
  /** onnxruntime's execution provider, or the build of the sparse engine's kernels (`native-avx2`, `wasm`). */
  provider: string;
  /** Those that were wished for more, why they do not run, and the cure. */
  skipped: Skipped[];
};

export type Skipped = { engine: EngineName; provider: string; reason: string };

export type RunMessage = {
  kind: 'run';
  id: number;
  input: Float32Array<ArrayBuffer>;
  batch: number;
  /** Absent: the active level. */
  level?: number;
  /** See `RunOptions`. */
  among?: readonly number[];
  /** Absent: the level's. */
  engine?: EngineName;
  /** `performance.timeOrigin + performance.now()` at the call of `run`, in milliseconds: a clock both threads share. */
  submittedMs: number;
};

/** Asks the sparse engine to fit its kernels to this machine. */
export type TuneMessage = { kind: 'tune'; id: number; known?: number[] };

/** Asks what the levels take in each engine. */
export type MemoryMessage = { kind: 'memory'; id: number };

/** What the thread answers, in the order in which it was asked. */
export type Question = RunMessage | TuneMessage | MemoryMessage;

/** The last message: the thread ends as soon as it is between two runs. */
export const closeMessage = 'close';

export type ThreadMessage =
  | { kind: 'ready'; opened: Opened[]; skipped: Skipped[] }
  | { kind: 'failed'; error: string }
  | {
      kind: 'answer';
      id: number;
      output: Float32Array<ArrayBuffer>;
      level: number;
      engine: EngineName;
      waitMs: number;
      inferMs: number;
    }
  | { kind: 'tuned'; id: number; forms: number[] }
  | { kind: 'memory'; id: number; memory: EngineMemory[] }
  | { kind: 'refused'; id: number; error: string };

export function sharedNowMs(): number {
  return performance.timeOrigin + performance.now();
}
