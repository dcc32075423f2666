import { createRequire } from 'node:module';
import type { Finding } from '../../terminal/finding.ts';
import { optionalPackagesCure } from '../../terminal/missing-package.ts';
import {
  loadNativePackage,
  nativePackageAgain,
  nativePackageCure,
  nativePackageName,
  nativePackagePath,
  quietTensorflow,
} from './native-package.ts';

const require = createRequire(import.meta.url);

/** Whether TensorFlow's native back end loads; training does without it. */
async function examineNode(path: string | undefined): Promise<Finding> {
  const name = nativePackageName;
  const optional = 'optional, training uses WebAssembly';
  if (path === undefined)
    return { name, ok: false, text: `not installed; ${optional}`, cure: nativePackageCure };
  try {
    quietTensorflow();
    const version = (await loadNativePackage(path)) ?? 'of unknown version';
    return { name, ok: true, text: `TensorFlow ${version} in ${path}, training can use it (--backend node)` };
  } catch (error) {
    const [message] = (error instanceof Error ? error.message : String(error)).split('\n');
    return {
      name,
      ok: false,
      text: `cannot be loaded from ${path}: ${message}; ${optional}`,
      cure: nativePackageAgain,
    };
  }
}

function examineWasm(): Finding {
  const name = '@tensorflow/tfjs-backend-wasm';
  try {
    const { version } = require(`${name}/package.json`) as { version: string };
    return { name, ok: true, text: `${version}, training can use it (--backend wasm)` };
  } catch {
    return {
      name,
      ok: false,
      text: 'not installed, needed to train',
      cure: `run "${optionalPackagesCure()}"`,
    };
  }
}

/** What can train here. */
export async function examineBackends(
  findNative: () => string | undefined = nativePackagePath,
): Promise<Finding[]> {
  const wasm = examineWasm();
  // Without the WebAssembly packages nothing trains, natively neither.
  return wasm.ok ? [await examineNode(findNative()), wasm] : [wasm];
}
