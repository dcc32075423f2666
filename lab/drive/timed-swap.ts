import type { EbbEvent } from './ebb-process.ts';

/** A change of the active level, by the wall clock that the agent and the lab share. */
export type TimedSwap = { atMs: number; from: number; to: number };

/** Reads a `swap` event of `ebb run` or `ebb fleet`. */
export function readSwap({ at, from, to }: EbbEvent): TimedSwap {
  return { atMs: Date.parse(String(at)), from: Number(from), to: Number(to) };
}
