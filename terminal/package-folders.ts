import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of ebb's package.json; compiled code is in dist/terminal/. */
export const packageRoot = fileURLToPath(new URL('../../', import.meta.url)).replace(/\/$/, '');

type Where = { root?: string; env?: NodeJS.ProcessEnv };

/**
 * Folders that `ebb setup` may have written for `name`, as scripts/extra-folder.mjs chooses them: in the package,
 * else in the user's cache.
 */
export function extraFolders(name: string, { root = packageRoot, env = process.env }: Where = {}): string[] {
  const own = join(root, `.${name}`);
  const manifest = join(root, 'package.json');
  if (!existsSync(manifest)) return [own];
  const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string };
  const base = env.XDG_CACHE_HOME?.startsWith('/') ? env.XDG_CACHE_HOME : join(homedir(), '.cache');
  return [own, join(base, 'ebb', `${name}-${version}-${process.platform}-${process.arch}`)];
}
