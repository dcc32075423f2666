/** What the engine and its inference thread say to each other. */

export type ThreadData = {
  models: Uint8Array[];
  inputName: string;
  outputName: string;
  /** One input's dimensions without the batch. */
  inputShape: number[];
  providers: string[];
  threads: number;
  /** One Int32: the active level. The thread reads it as each run begins, so a swap is one atomic store. */
  activeLevel: SharedArrayBuffer;
};

export type RunMessage = {
  id: number;
  input: Float32Array<ArrayBuffer>;
  batch: number;
  /** Absent: the active level. */
  level?: number;
  /** `performance.timeOrigin + performance.now()` at the call of `run`, in milliseconds: a clock both threads share. */
  submittedMs: number;
};

export type ThreadMessage =
  | { kind: 'ready'; provider: string; skipped: { provider: string; reason: string }[] }
  | { kind: 'failed'; error: string }
  | {
      kind: 'answer';
      id: number;
      output: Float32Array<ArrayBuffer>;
      level: number;
      waitMs: number;
      inferMs: number;
    }
  | { kind: 'refused'; id: number; error: string };

export function sharedNowMs(): number {
  return performance.timeOrigin + performance.now();
}
