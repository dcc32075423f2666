import type { Plan } from '../plan/plan-levels.ts';

/**
 * The kernels, with a plan's image in their memory. Calls block the thread they are made on.
 */
export type Runtime = {
  /** `native-avx2`, `wasm`: which build computes. */
  readonly name: string;
  /** Most threads that a run can have. */
  readonly maxThreads: number;
  /** What it has allocated for the plan: weights and activations of all levels. Threads beyond the caller's are not in it. */
  readonly memoryBytes: number;
  /**
   * @param input `[batch, ...]`, row by row.
   * @returns `[batch, outputs]`, a buffer of the caller's own.
   * @throws Error where the kernels trap, or the runtime is closed.
   */
  run(level: number, input: Float32Array, batch: number, threads: number): Float32Array<ArrayBuffer>;
  /** Frees the memory. */
  close(): void;
};

export type OpenRuntime = (plan: Plan) => Runtime;
