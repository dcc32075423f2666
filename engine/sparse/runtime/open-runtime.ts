import { existsSync } from 'node:fs';
import type { Plan } from '../plan/plan-levels.ts';
import { addonPath, loadNativeKernels } from './native-runtime.ts';
import type { Runtime } from './runtime.ts';
import { openWasmRuntime } from './wasm-runtime.ts';

/** How to get the faster build. */
export const nativeCure =
  'install a C compiler (Debian: apt-get install gcc libc6-dev) and run "npm run build:kernels"';

/**
 * The fastest build that this machine has: native kernels, else WebAssembly.
 * @returns with `slower`: why the native kernels do not run, and the cure.
 */
export function openRuntime(plan: Plan, path = addonPath): { runtime: Runtime; slower?: string } {
  if (!existsSync(path))
    return { runtime: openWasmRuntime(plan), slower: `the native kernels are not built: ${nativeCure}` };
  try {
    return { runtime: loadNativeKernels(path).open(plan) };
  } catch (error) {
    const reason = (error as Error).message.split('\n')[0];
    return {
      runtime: openWasmRuntime(plan),
      slower: `the native kernels do not run (${reason}): ${nativeCure}`,
    };
  }
}
