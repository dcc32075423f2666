import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { setBackend } from '@tensorflow/tfjs-core';
import { nodeBackendName, registerNodeKernels } from './node/node-kernels.ts';
import { registerConvGradients } from './wasm/conv-gradients.ts';
import { registerDepthwiseGradients } from './wasm/depthwise-gradients.ts';
import { registerNormKernels } from './wasm/norm-kernels.ts';

export const backendChoices = ['auto', 'node', 'wasm'] as const;
export type BackendChoice = (typeof backendChoices)[number];
export type BackendName = 'node' | 'wasm';

/** Why tfjs-node cannot be used, or undefined where it is there. Does not load it. */
export function missingNodeBackend(): string | undefined {
  const require = createRequire(import.meta.url);
  try {
    require.resolve(nodePackage);
    return undefined;
  } catch {
    return `${nodePackage} is not installed: run "npm install ${nodePackage}" (it downloads TensorFlow's library)`;
  }
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

const nodePackage = '@tensorflow/tfjs-node';

/** Loads a back end into this thread and makes it tfjs's current one. A call for the one that is loaded already does nothing. */
export async function openBackend(name: BackendName): Promise<void> {
  if (name === 'node') {
    try {
      // Through a variable: the package is optional, and so are its types.
      const specifier: string = nodePackage;
      await import(specifier);
    } catch (cause) {
      throw new Error(
        `Cannot load ${nodePackage} as its native library must fit this Node: run "npm rebuild ${nodePackage}", or use --backend wasm`,
        { cause },
      );
    }
    if (!(await setBackend(nodeBackendName)))
      throw new Error(`Cannot start ${nodePackage}; use --backend wasm`);
    registerNodeKernels();
    return;
  }
  const { setWasmPaths } = await import('@tensorflow/tfjs-backend-wasm');
  // The package's main file stands in dist/, beside the .wasm files.
  const main = createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm');
  setWasmPaths(join(dirname(main), '/'));
  if (!(await setBackend('wasm')))
    throw new Error('Cannot start the WebAssembly back end of TensorFlow.js; run "npm ci" again');
  registerConvGradients();
  registerDepthwiseGradients();
  registerNormKernels();
}
