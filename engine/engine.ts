import type { Manifest } from '../bundle/manifest.ts';

/** What one run answers. */
export type RunResult = {
  /** `[batch, classes]`, row by row, a buffer of the caller's own. */
  output: Float32Array;
  /** The level that computed the output: 0 is the densest. */
  level: number;
  /** From the call of `run` until the inference thread took the request up, in milliseconds. */
  waitMs: number;
  /** Inside the inference thread's session, in milliseconds. */
  inferMs: number;
};

export type RunOptions = {
  /** Runs this level instead of the active one, without a swap. */
  level?: number;
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
  readonly name: 'ort';
  readonly manifest: Manifest;
  /** The execution provider in use, and those before it in the wished order that could not open the models. */
  readonly provider: string;
  readonly skipped: readonly { provider: string; reason: string }[];
  /** The active level: the one that runs submitted from now on use, and those not yet begun. */
  readonly level: number;
  /** Runs that were submitted and not yet answered. */
  readonly pending: number;
  /**
   * @param input `[batch, ...manifest.input.shape[1..]]` as float32, row by row; it is copied.
   * @param batch number of inputs in `input`.
   * @throws RangeError where `input` does not hold `batch` inputs or the level does not exist.
   */
  run(input: Float32Array, batch: number, options?: RunOptions): Promise<RunResult>;
  /** Makes `level` the active one. @throws RangeError where the bundle has no such level. */
  setLevel(level: number): void;
  /**
   * Resolves, and never rejects, once the engine can run no more: with the reason, such as that its thread crashed.
   * After `close` it resolves too.
   */
  readonly ended: Promise<Error>;
  /** Ends the thread; runs that are still pending reject. */
  close(): Promise<void>;
};

export type OpenOptions = {
  /** Threads inside one inference. Default 1: the rest of the machine belongs to the work beside. */
  threads?: number;
  /** onnxruntime execution providers, tried in this order. Default `['cpu']`. */
  providers?: string[];
  /** Level active at first. Default 0. */
  level?: number;
};
