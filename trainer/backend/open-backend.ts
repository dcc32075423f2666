import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import {
  loadNativePackage,
  nativePackageAgain,
  nativePackageCure,
  nativePackageName,
  nativePackagePath,
} from './native-package.ts';

export const backendChoices = ['auto', 'node', 'wasm'] as const;
export type BackendChoice = (typeof backendChoices)[number];
export type BackendName = 'node' | 'wasm';

/** Why tfjs-node cannot be used, or undefined where it is there. Does not load it. */
export function missingNodeBackend(): string | undefined {
  if (nativePackagePath() !== undefined) return undefined;
  return `${nativePackageName} is not installed: ${nativePackageCure}`;
}

/**
 * Which back end `choice` means here.
 *
 * @returns the back end, and a `note` to say once where `auto` had to fall back.
 * @throws Error where `node` is asked for and is not there.
 */
export function chooseBackend(
  choice: BackendChoice,
  findMissing: () => string | undefined = missingNodeBackend,
): { name: BackendName; note?: string } {
  if (choice === 'wasm') return { name: 'wasm' };
  const missing = findMissing();
  if (missing === undefined) return { name: 'node' };
  if (choice === 'node')
    throw new Error(`Cannot train on the back end "node" as ${missing}; or use --backend wasm`);
  return { name: 'wasm', note: `training on the WebAssembly back end, as ${missing}` };
}

/** Loads a back end into this thread and makes it tfjs's current one. A call for the one that is loaded already does nothing. */
export async function openBackend(name: BackendName): Promise<void> {
  // TensorFlow.js is an optional package: loaded here, not with every verb that names a back end.
  const { setBackend } = await import('@tensorflow/tfjs-core');
  if (name === 'node') {
    const { nodeBackendName, registerNodeKernels } = await import('./node/node-kernels.ts');
    const path = nativePackagePath();
    if (path === undefined)
      throw new Error(
        `Cannot load ${nativePackageName} as it is not installed: ${nativePackageCure}, or use --backend wasm`,
      );
    try {
      await loadNativePackage(path);
    } catch (cause) {
      throw new Error(
        `Cannot load ${nativePackageName} from ${path} as its native library must fit this machine: ${nativePackageAgain}, or use --backend wasm`,
        { cause },
      );
    }
    if (!(await setBackend(nodeBackendName)))
      throw new Error(`Cannot start ${nativePackageName}; use --backend wasm`);
    registerNodeKernels();
    return;
  }
  const { setWasmPaths } = await import('@tensorflow/tfjs-backend-wasm');
  // The package's main file stands in dist/, beside the .wasm files.
  const main = createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm');
  setWasmPaths(join(dirname(main), '/'));
  if (!(await setBackend('wasm')))
    throw new Error('Cannot start the WebAssembly back end of TensorFlow.js; install ebb again');
  const [{ registerConvGradients }, { registerDepthwiseGradients }, { registerNormKernels }] =
    await Promise.all([
      import('./wasm/conv-gradients.ts'),
      import('./wasm/depthwise-gradients.ts'),
      import('./wasm/norm-kernels.ts'),
    ]);
  registerConvGradients();
  registerDepthwiseGradients();
  registerNormKernels();
}
