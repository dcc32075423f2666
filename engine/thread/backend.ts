import type { Opened, ThreadData } from './protocol.ts';

/** Runs a bundle's levels on the thread that opened it. */
export type Backend = {
  opened: Opened;
  /** @returns a buffer of the caller's own. */
  run(
    level: number,
    input: Float32Array,
    batch: number,
    threads: number,
  ): Promise<Float32Array<ArrayBuffer>> | Float32Array<ArrayBuffer>;
};

/** @throws Error where it cannot run one of the levels. */
export type OpenBackend = (data: ThreadData, threads: number) => Promise<Backend>;
