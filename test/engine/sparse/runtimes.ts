import { existsSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { afterAll } from 'vitest';
import type { Plan } from '../../../engine/sparse/plan/plan-levels.ts';
import { HelperThreads } from '../../../engine/sparse/runtime/helper-threads.ts';
import { addonPath, loadNativeKernels } from '../../../engine/sparse/runtime/native-runtime.ts';
import type { Runtime } from '../../../engine/sparse/runtime/runtime.ts';
import { readWasmBuilds } from '../../../engine/sparse/runtime/wasm-module.ts';
import { openWasmRuntime, type WasmRuntime } from '../../../engine/sparse/runtime/wasm-runtime.ts';

/** Lent to one runtime after the other. */
const threads = new HelperThreads();
afterAll(() => threads.end());

/** Every build of the kernels that this machine can run. */
export const runtimes: { name: string; open: (plan: Plan) => Runtime }[] = [
  ...readWasmBuilds().map((build) => ({
    name: build.name,
    open: (plan: Plan) => openWasmRuntime(plan, { build, threads }),
  })),
  ...(existsSync(addonPath) ? nativeRuntimes() : []),
];

function nativeRuntimes() {
  const kernels = loadNativeKernels();
  return kernels.instructions.map((instructions) => ({
    name: `native-${instructions}`,
    open: (plan: Plan) => kernels.open(plan, instructions),
  }));
}

/** Waits until the threads that WebAssembly starts have come; the native kernels have theirs at once. */
export async function untilHelped(runtime: Runtime | WasmRuntime, helpers: number): Promise<void> {
  while ('helpers' in runtime && runtime.helpers().present < helpers) await setTimeout(1);
}
