import { existsSync } from 'node:fs';
import type { Plan } from '../../../engine/sparse/plan/plan-levels.ts';
import { addonPath, loadNativeKernels } from '../../../engine/sparse/runtime/native-runtime.ts';
import type { Runtime } from '../../../engine/sparse/runtime/runtime.ts';
import { openWasmRuntime, readWasmBuilds } from '../../../engine/sparse/runtime/wasm-runtime.ts';

/** Every build of the kernels that this machine can run. */
export const runtimes: { name: string; open: (plan: Plan) => Runtime }[] = [
  ...readWasmBuilds().map((build) => ({
    name: build.name,
    open: (plan: Plan) => openWasmRuntime(plan, build),
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
