import { silenceTelemetry } from '../../engine/ort/silence-telemetry.ts';
import { findRuntime, nativeCure } from '../../engine/sparse/runtime/find-runtime.ts';
import { loadNativeKernels } from '../../engine/sparse/runtime/native-runtime.ts';
import type { Finding } from '../../terminal/finding.ts';
import { packageVersion } from '../package-version.ts';

/** Execution providers of onnxruntime-node; one that is not bundled lacks its libraries. */
export type Providers = readonly { name: string; bundled: boolean }[];

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error)).split('\n')[0];

/** What the machine has that an engine could use. */
export type Gpus = { isJetson: boolean; hasNvidia: boolean };

export function describeOnnxruntime(version: string, providers: Providers, gpus: Gpus): Finding {
  const names = (isBundled: boolean) =>
    providers.flatMap(({ name, bundled }) => (bundled === isBundled ? [name] : [])).join(', ');
  const lacking = names(false);
  const parts = [
    `${version}, execution providers: ${names(true) || 'none'}`,
    ...(lacking === '' ? [] : [`without their libraries: ${lacking}`]),
    ...(gpus.isJetson && !providers.some(({ name }) => name === 'cuda')
      ? ["this build does not reach a Jetson's GPU"]
      : []),
  ];
  return {
    name: 'onnxruntime',
    ok: true,
    text: parts.join('; '),
    ...(gpus.hasNvidia && lacking.includes('cuda')
      ? {
          cure: 'for the GPU: run "ONNXRUNTIME_NODE_INSTALL=cuda12 npm rebuild onnxruntime-node", which downloads some hundred MB',
        }
      : {}),
  };
}

/** @param slower why the native kernels do not run; undefined where they do. */
export function describeSparse(instructions: readonly string[], slower?: string): Finding {
  const name = 'sparse';
  if (slower === undefined)
    return { name, ok: true, text: `native kernels, instruction sets: ${instructions.join(', ')}` };
  const reason = slower.replace(`: ${nativeCure}`, '');
  return { name, ok: true, text: `WebAssembly, slower: ${reason}`, cure: nativeCure };
}

async function examineOnnxruntime(gpus: Gpus): Promise<Finding> {
  try {
    silenceTelemetry();
    const { listSupportedBackends } = await import('onnxruntime-node');
    return describeOnnxruntime(
      packageVersion('onnxruntime-node') ?? 'unknown',
      listSupportedBackends(),
      gpus,
    );
  } catch (error) {
    return {
      name: 'onnxruntime',
      ok: false,
      text: `cannot be loaded: ${messageOf(error)}`,
      cure: 'on Linux it needs glibc 2.28 or newer on x64 or arm64; install ebb again',
    };
  }
}

function examineSparse(): Finding {
  const { slower } = findRuntime();
  return slower === undefined ? describeSparse(loadNativeKernels().instructions) : describeSparse([], slower);
}

/** What can run sub-nets here, and why not faster. */
export async function examineEngines(gpus: Gpus): Promise<Finding[]> {
  return [examineSparse(), await examineOnnxruntime(gpus)];
}
