import type { Manifest } from '../bundle/manifest.ts';
import { EbbError } from '../errors/ebb-error.ts';

/** `ort` is onnxruntime, which runs any model; `sparse` skips zeros, and runs convolutional nets. */
export const engineNames = ['ort', 'sparse'] as const;
export type EngineName = (typeof engineNames)[number];

/** The engine runs no more, so that runs which were submitted are not answered: its thread crashed, or it was closed or abandoned. */
export class EngineEndedError extends EbbError {
  override name = 'EngineEndedError';

  constructor(message: string, { isClosed, ...options }: ErrorOptions & { isClosed?: boolean } = {}) {
    super(isClosed ? 'EBB_CLOSED' : 'EBB_ENGINE_ENDED', message, options);
  }
}

/** What one run answers. */
export type RunResult = {
  /** `[batch, classes]`, row by row, a buffer of the caller's own. */
  output: Float32Array;
  /** The level that computed the output: 0 is the densest. */
  level: number;
  /** What computed it. */
  engine: EngineName;
  /** From the call of `run` until the inference thread took the request up, in milliseconds. */
  waitMs: number;
  /** Inside the inference thread's session, in milliseconds. */
  inferMs: number;
};

export type RunOptions = {
  /** Runs this level instead of the active one, without a swap. */
  level?: number;
  /**
   * Levels that may run: the active one as the run begins if it is among them, else the last of them. Not together with `level`.
   * Not empty.
   */
  among?: readonly number[];
  /** Runs it on this engine instead of the level's. */
  engine?: EngineName;
};

/** The level that a run uses, if `active` is the active level at the moment it begins. */
export function levelOfRun({ level, among }: Pick<RunOptions, 'level' | 'among'>, active: number): number {
  if (level !== undefined) return level;
  return among === undefined || among.includes(active) ? active : (among.at(-1) ?? active);
}

/** What a bundle's levels take in an engine: all of them stay in memory. */
export type EngineMemory = {
  engine: EngineName;
  /** All levels together. */
  bytes: number;
  /** Each level's, where the levels do not share theirs. */
  levelBytes?: number[] | undefined;
  /** Counted, not measured. */
  isExact: boolean;
};

/**
 * Runs a bundle's sub-nets on a thread of its own.
 *
 * INVARIANTS
 * - a swap takes effect between two runs, never inside one; runs are answered in the order of the calls;
 * - every answer names the level that computed it;
 * - a run that fails rejects its own promise and no other.
 */
export type Engine = {
  readonly manifest: Manifest;
  /** Those that were opened. */
  readonly engines: readonly { name: EngineName; provider: string }[];
  /** What was wished for and does not run: engines, execution providers, builds of kernels; with the reason and its cure. */
  readonly skipped: readonly { engine: EngineName; provider: string; reason: string }[];
  /** The active level: the one that runs submitted from now on use, and those not yet begun. */
  readonly level: number;
  /** Runs that were submitted and not yet answered. */
  readonly pending: number;
  /**
   * @param input `[batch, ...manifest.input.shape[1..]]` as float32, row by row; it is copied.
   * @param batch number of inputs in `input`.
   * @throws ArgumentError if `input` does not hold `batch` inputs of finite numbers or the level does not exist, `EngineEndedError`
   * if the engine has ended; always as a rejection.
   */
  run(input: Float32Array, batch: number, options?: RunOptions): Promise<RunResult>;
  /** The engine that runs a level. */
  engineOf(level: number): EngineName;
  /** From the next run on. @throws ArgumentError if the level does not exist or the engine is not open. */
  setEngine(level: number, engine: EngineName): void;
  /** Threads inside one inference. */
  readonly threads: number;
  /** From the next run on; onnxruntime keeps those that it was opened with. @throws ArgumentError if it is no positive integer. */
  setThreads(threads: number): void;
  /**
   * Fits the sparse engine's kernels to this machine, from the next run on: measures for each layer how its nonzeros are best stored.
   * @param known what an earlier call answered on this machine for this bundle, instead of measuring.
   * @returns what was chosen; empty where the sparse engine is not open.
   */
  tune(known?: readonly number[]): Promise<number[]>;
  /**
   * What the levels take in each open engine; one of which nothing is known is left out. `sparse`, exact: its image of weights and
   * activations, with WebAssembly also the copy that a new memory is made from; not its threads beyond the first. `ort`: by how much the
   * process's resident memory grew while each level's session was created and ran for the first two times, rounded as the system rounds it;
   * not what onnxruntime takes once for all sessions, nor a GPU's memory. It is too little where the process uses memory again that it had
   * freed, as with a second bundle.
   */
  memory(): Promise<EngineMemory[]>;
  /** Makes `level` the active one. @throws ArgumentError if the bundle has no such level. */
  setLevel(level: number): void;
  /**
   * Resolves, and never rejects, once the engine can run no more: with an `EngineEndedError`, such as that its thread crashed.
   * After `close` it resolves too.
   */
  readonly ended: Promise<EngineEndedError>;
  /** Ends the thread; runs that are still pending reject. */
  close(): Promise<void>;
  /**
   * Gives up a thread that hangs: runs that are still pending reject at once, and the thread, which cannot be ended inside a run, ends
   * whenever that returns.
   */
  abandon(reason: string): void;
};

export type OpenOptions = {
  /** Default `auto`: see `openEngine`. */
  engine?: EngineName | 'auto' | undefined;
  /** Threads inside one inference. Default 1: the rest of the machine belongs to the work beside. */
  threads?: number | undefined;
  /** onnxruntime execution providers, tried in this order. Default `['cpu']`. */
  providers?: string[] | undefined;
  /** Level active at first. Default 0. */
  level?: number | undefined;
};
