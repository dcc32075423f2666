import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { ebbCommand } from '../../terminal/ebb-command.ts';
import { extraFolders, packageRoot } from '../../terminal/package-folders.ts';

export const nativePackageName = '@tensorflow/tfjs-node';

/** How to get the native back end. */
export const nativePackageCure = `run "${ebbCommand()} setup --native"`;

/** What to do where it is there and does not load. */
export const nativePackageAgain = `run "${ebbCommand()} setup --native --remove" and "${ebbCommand()} setup --native"`;

/** Whether `ebb setup --native` ended well, on a machine of this kind: it writes the stamp last. */
function isReady(home: string): boolean {
  try {
    const stamp = JSON.parse(readFileSync(join(home, 'ready.json'), 'utf8')) as Record<string, unknown>;
    return stamp.platform === process.platform && stamp.arch === process.arch;
  } catch {
    return false;
  }
}

function resolveByNode(): string | undefined {
  try {
    return createRequire(import.meta.url).resolve(nativePackageName);
  } catch {
    return undefined;
  }
}

/**
 * Where tfjs-node is: in `.native/`, or where Node finds it by itself. Does not load it.
 *
 * @returns what `require` takes, or undefined where it is not installed.
 */
export function nativePackagePath(root = packageRoot, resolve = resolveByNode): string | undefined {
  const home = extraFolders('native', { root }).find(isReady);
  return home === undefined ? resolve() : join(home, 'node_modules', nativePackageName);
}

type OldUtil = { isNullOrUndefined?: (value: unknown) => boolean; isArray?: (value: unknown) => boolean };

/** Gives `util` what tfjs-node 4.22 calls, without Node's own, of which Node 22 warns (DEP0044, DEP0051) and which later ones have removed. */
export function restoreUtil(util: OldUtil): void {
  util.isNullOrUndefined = (value) => value === null || value === undefined;
  util.isArray = Array.isArray;
}

/**
 * Keeps TensorFlow's library from telling about CPU features as it loads. To be called in the main thread: the library reads the
 * process' environment, and a worker thread's `process.env` is a copy.
 */
export function quietTensorflow(environment: NodeJS.ProcessEnv = process.env): void {
  environment.TF_CPP_MIN_LOG_LEVEL ??= '2';
}

type NativePackage = { backend?: () => { binding?: { TF_Version?: string } } };

/**
 * Loads tfjs-node, which registers the back end "tensorflow". Its own copy of tfjs-core and ours share their engine and kernels.
 *
 * @returns the version of TensorFlow's library, where it tells.
 * @throws what loading throws.
 */
export async function loadNativePackage(path: string): Promise<string | undefined> {
  const { env } = await import('@tensorflow/tfjs-core');
  const require = createRequire(import.meta.url);
  restoreUtil(require('node:util') as OldUtil);
  const flags = env();
  const production = flags.getBool('PROD');
  // Else the second copy warns that it sets the platform "node" again.
  flags.set('PROD', true);
  try {
    return (require(path) as NativePackage).backend?.().binding?.TF_Version;
  } finally {
    flags.set('PROD', production);
  }
}
