import { createRequire } from 'node:module';
import type { Finding } from '../../terminal/finding.ts';
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
function examineNode(path: string | undefined): Finding {
  const name = nativePackageName;
  const optional = 'optional, training uses WebAssembly';
  if (path === undefined)
    return { name, ok: false, text: `not installed; ${optional}`, cure: nativePackageCure };
  try {
    quietTensorflow();
    const version = loadNativePackage(path) ?? 'of unknown version';
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
    return { name, ok: false, text: 'not installed', cure: 'run "npm ci"' };
  }
}

/** What can train here. */
export function examineBackends(findNative: () => string | undefined = nativePackagePath): Finding[] {
  return [examineNode(findNative()), examineWasm()];
}
