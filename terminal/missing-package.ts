import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { packageRoot } from './package-folders.ts';

type Manifest = { optionalDependencies?: Record<string, string> };

const isInstalled = (name: string): boolean =>
  (createRequire(import.meta.url).resolve.paths(name) ?? []).some((folder) => {
    try {
      readFileSync(join(folder, name, 'package.json'));
      return true;
    } catch {
      return false;
    }
  });

/** Optional packages that are not installed, as npm takes them, e.g. "linkedom@^0.18.15". */
export function missingPackages(root = packageRoot): string[] {
  const { optionalDependencies = {} } = JSON.parse(
    readFileSync(join(root, 'package.json'), 'utf8'),
  ) as Manifest;
  return Object.entries(optionalDependencies).flatMap(([name, version]) =>
    isInstalled(name) ? [] : [`${name}@${version}`],
  );
}

/** The command that installs what `npm i --omit=optional` has left out. */
export const optionalPackagesCure = (missing = missingPackages()): string =>
  `npm i --include=optional ${missing.join(' ')}`;

/**
 * One line for an import that failed because an optional package is not installed; undefined for any other error.
 *
 * @param action what could not be done, e.g. "train"
 */
export function describeMissingPackage(action: string, error: unknown): string | undefined {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code !== 'ERR_MODULE_NOT_FOUND' && code !== 'MODULE_NOT_FOUND') return undefined;
  const name = /Cannot find (?:package|module) '([^'./][^']*)'/.exec(message)?.[1];
  const missing = missingPackages();
  if (name === undefined || !missing.some((spec) => spec.startsWith(`${name}@`))) return undefined;
  return `Cannot ${action} as ${name} is not installed: run "${optionalPackagesCure(missing)}"`;
}
