import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { extraFolders } from '../../../terminal/package-folders.ts';
import type { Plan } from '../plan/plan-levels.ts';
import { programVersion, stepFields } from '../plan/step-words.ts';
import type { Runtime } from './runtime.ts';

/** What kernels/native.c exports. */
type Addon = {
  instructions: string[];
  /** Version of the programs that it runs, and words of a step; builds before version 2 do not say. */
  program?: number[];
  open(image: Int32Array, programs: Int32Array, instructions: string): unknown;
  run(
    engine: unknown,
    program: number,
    level: number,
    threads: number,
    input: Float32Array,
    output: Float32Array,
    batch: number,
  ): void;
  close(engine: unknown): void;
  trim(): void;
  peak(instructions: string, rounds: number): number;
};

const addonPaths = extraFolders('kernels').map((folder) => join(folder, 'ebb-kernels.node'));

/** Where `ebb setup` has put the addon, or would put it. */
export const addonPath = addonPaths.find((path) => existsSync(path)) ?? addonPaths[0] ?? '';

export type NativeKernels = {
  /** Instruction sets of this processor that the addon has kernels for, best first. */
  instructions: string[];
  open(plan: Plan, instructions?: string): Runtime;
  /** Gives the system back what this process has freed and the C library (glibc) keeps. */
  trim(): void;
  /** Does multiply-adds on registers alone; returns how many. */
  peak(instructions: string, rounds: number): number;
};

/** @throws Error where the addon is not there, does not load on this machine, or was built from another version of the kernels. */
export function loadNativeKernels(path = addonPath): NativeKernels {
  const addon = createRequire(import.meta.url)(path) as Addon;
  const [version, words] = addon.program ?? [];
  if (version !== programVersion || words !== stepFields.length)
    throw new Error('they were built from another version of ebb');
  return {
    instructions: addon.instructions,
    trim: () => addon.trim(),
    peak: (instructions, rounds) => addon.peak(instructions, rounds),
    open: (plan, instructions = addon.instructions[0] ?? '') => openNative(addon, plan, instructions),
  };
}

function openNative(addon: Addon, plan: Plan, instructions: string): Runtime {
  // The kernels have a copy of the image: the plan's is not kept.
  const { image, programs, levels } = plan;
  const memoryBytes = image.byteLength;
  const firstSteps = Int32Array.from(programs.flatMap(({ steps, count }) => [steps, count]));
  const engine = addon.open(image, firstSteps, instructions);
  return {
    name: `native-${instructions}`,
    maxThreads: 64,
    memoryBytes,
    run(level, input, batch, threads) {
      const own = levels[level];
      const outputSize = programs[own?.program ?? -1]?.outputSize;
      if (own === undefined || outputSize === undefined) throw new RangeError(`there is no level ${level}`);
      const output = new Float32Array(batch * outputSize);
      addon.run(engine, own.program, own.level, threads, input, output, batch);
      return output;
    },
    close: () => addon.close(engine),
  };
}
