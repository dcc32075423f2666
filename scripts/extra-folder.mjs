import { accessSync, constants, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

function isWritable(folder) {
  try {
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** Where `name` belongs if the package cannot be written. */
export function cacheFolder(name, { packageRoot = root, env = process.env } = {}) {
  const { version } = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8'));
  const base = env.XDG_CACHE_HOME?.startsWith('/') ? env.XDG_CACHE_HOME : join(homedir(), '.cache');
  return join(base, 'ebb', `${name}-${version}-${process.platform}-${process.arch}`);
}

/**
 * Where something that is made on this machine belongs: beside package.json as `.NAME`, or in the user's cache if
 * the package cannot be written (installed by root, or in a read-only image). terminal/package-folders.ts reads both.
 *
 * @param {string} name
 */
export function extraFolder(name, { packageRoot = root, env = process.env } = {}) {
  return isWritable(packageRoot) ? join(packageRoot, `.${name}`) : cacheFolder(name, { packageRoot, env });
}
