import { existsSync } from 'node:fs';
import { ebbCommand } from '../../../terminal/ebb-command.ts';
import { addonPath, loadNativeKernels } from './native-runtime.ts';
import type { OpenRuntime } from './runtime.ts';
import { openWasmRuntime } from './wasm-runtime.ts';

/** How to get the faster build. */
export const nativeCure = `install a C compiler (Debian: apt-get install gcc libc6-dev) and run "${ebbCommand()} setup"`;

/**
 * The fastest build that this machine has: native kernels, else WebAssembly.
 * @returns how to open it with a plan; `trim` of `NativeKernels`; with `slower`: why the native kernels do not run, and the cure.
 */
export function findRuntime(path = addonPath): { open: OpenRuntime; trim?: () => void; slower?: string } {
  const open: OpenRuntime = (plan) => openWasmRuntime(plan);
  if (!existsSync(path)) return { open, slower: `the native kernels are not built: ${nativeCure}` };
  try {
    const { open: openNative, trim } = loadNativeKernels(path);
    return { open: openNative, trim };
  } catch (error) {
    const reason = (error as Error).message.split('\n')[0];
    return { open, slower: `the native kernels do not run (${reason}): ${nativeCure}` };
  }
}
