import type { EngineMemory } from '../engine.ts';
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
  /** Fits the kernels to this machine; see `Engine.tune`. Absent where there is nothing to choose. */
  tune?(known: number[] | undefined): number[];
  /** See `Engine.memory`; undefined where it is not known. */
  memory(): Omit<EngineMemory, 'engine'> | undefined;
  /** Gives the system back what this process has freed. Absent where it cannot. */
  trim?(): void;
};

/** @throws Error where it cannot run one of the levels. */
export type OpenBackend = (data: ThreadData, threads: number) => Promise<Backend>;
