import type { Plan } from '../plan/plan-levels.ts';

/** Where things stand in the memory of the WebAssembly kernels, in bytes. */
export type WasmLayout = {
  image: number;
  /** Three words each: see `programWords`. */
  programs: number;
  input: number;
  output: number;
  /** By helper. A stack grows downwards. */
  stackTops: number[];
  pages: number;
};

const pageBytes = 65_536;
/** The module's own data and its first stack: `--initial-memory` of scripts/wasm/compile.mjs. */
const ownBytes = 2 * pageBytes;
/** The kernels need some hundred bytes. What is not touched takes no memory. */
const stackBytes = 16_384;
export const programBytes = 12;

export function layOut(plan: Plan, helpers: number): WasmLayout {
  let end = ownBytes;
  const reserve = (bytes: number): number => {
    const at = end;
    end += Math.ceil(bytes / 64) * 64;
    return at;
  };
  return {
    image: reserve(plan.image.byteLength),
    programs: reserve(plan.programs.length * programBytes),
    input: reserve(4 * Math.max(...plan.programs.map(({ inputSize }) => inputSize))),
    output: reserve(4 * Math.max(...plan.programs.map(({ outputSize }) => outputSize))),
    stackTops: Array.from({ length: helpers }, () => reserve(stackBytes) + stackBytes),
    pages: Math.ceil(end / pageBytes),
  };
}

/** The plan's programs as kernels/pool.h has them: first step, number of steps, image. */
export function programWords(plan: Plan, { image }: WasmLayout): Int32Array {
  return Int32Array.from(plan.programs.flatMap(({ steps, count }) => [image + 4 * steps, count, image]));
}
