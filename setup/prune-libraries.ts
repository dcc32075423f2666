import { lstatSync, readdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

function bytesIn(path: string): number {
  const info = lstatSync(path);
  if (!info.isDirectory()) return info.size;
  return readdirSync(path).reduce((sum, name) => sum + bytesIn(join(path, name)), 0);
}

const foldersIn = (path: string): string[] =>
  readdirSync(path, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []));

/** What is removed, and its size. */
export type Pruned = { path: string; bytes: number };

/** Where onnxruntime-node is, whatever the layout of node_modules (npm, pnpm). */
export function onnxruntimeFolder(): string {
  return dirname(createRequire(import.meta.url).resolve('onnxruntime-node/package.json'));
}

type Platform = { platform?: NodeJS.Platform; arch?: string };

/** Folders `bin/napi-vN/PLATFORM/ARCH` of onnxruntime-node that this machine cannot load. */
export function findForeignLibraries(packageFolder: string, here: Platform = {}): Pruned[] {
  const { platform = process.platform, arch = process.arch } = here;
  const bin = join(packageFolder, 'bin');
  const platforms = foldersIn(bin).flatMap((version) =>
    foldersIn(join(bin, version)).map((name) => ({ name, path: join(bin, version, name) })),
  );
  // An unknown layout, or a platform without a library: nothing is certain, so nothing is removed.
  if (!platforms.some(({ name, path }) => name === platform && foldersIn(path).includes(arch))) return [];
  return platforms
    .flatMap(({ name, path }) =>
      name === platform
        ? foldersIn(path).flatMap((other) => (other === arch ? [] : [join(path, other)]))
        : [path],
    )
    .map((path) => ({ path, bytes: bytesIn(path) }));
}

/**
 * Removes native libraries of other platforms. A second call finds nothing.
 *
 * @throws Error if the packages' folder cannot be written.
 */
export function pruneLibraries(packageFolder = onnxruntimeFolder(), here: Platform = {}): Pruned[] {
  const foreign = findForeignLibraries(packageFolder, here);
  for (const { path } of foreign)
    try {
      rmSync(path, { recursive: true, force: true });
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException;
      throw new Error(
        `Cannot remove libraries of other platforms as ${path} must be writable: current error is ${code}; run it as the user that installed ebb`,
        { cause },
      );
    }
  return foreign;
}
