import { randomBytes } from 'node:crypto';
import { readdir, realpath, rename, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { EbbError, withCode } from '../errors/ebb-error.ts';
import { makeFolder } from './make-folder.ts';
import { type Manifest, type ManifestLevel, manifestSchema, manifestVersion } from './manifest.ts';
import { type Bundle, manifestFile, readBundle } from './read-bundle.ts';
import { sha256 } from './sha256.ts';
import { syncFolder } from './sync-folder.ts';
import { writeFileAtomic } from './write-file-atomic.ts';

/** A level that is not yet on disk: its ONNX bytes and what is known of it. */
export type NewLevel = Pick<ManifestLevel, 'sparsity' | 'nonzeros' | 'macs' | 'accuracy' | 'derived'> & {
  onnx: Uint8Array;
};

/** A manifest to be: the writer adds the version, and each level's file name, size and hash. */
export type NewBundle = Omit<Manifest, 'version' | 'levels'> & { levels: NewLevel[] };

/** The manifest that `writeBundle` would write for `bundle`. @throws Error where it breaks the manifest's rules. */
export function buildManifest(bundle: NewBundle): Manifest {
  const levels = bundle.levels.map(({ onnx, ...known }, index) => ({
    ...known,
    bytes: onnx.length,
    file: `level-${index}.onnx`,
    sha256: sha256(onnx),
  }));
  const result = manifestSchema.safeParse({ ...bundle, version: manifestVersion, levels });
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new EbbError(
    'EBB_BUNDLE_INVALID',
    `Cannot write bundle "${bundle.name}" as ${issue.path.join('.') || 'the manifest'} ${issue.message}`,
  );
}

async function isEmptyOrAbsent(dir: string): Promise<boolean> {
  try {
    return (await readdir(dir)).length === 0;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return true;
    throw error;
  }
}

/** @throws Error where `dir` is not absent or empty, so that `writeBundle` would refuse it. */
async function checkTarget(dir: string): Promise<void> {
  try {
    if (!(await isEmptyOrAbsent(dir)))
      throw new Error('the folder must be absent or empty; remove it or choose another');
  } catch (error) {
    throw new Error(`Cannot write bundle "${dir}": ${(error as Error).message}`, { cause: error });
  }
}

/**
 * Writes a bundle's folder whole or not at all: everything goes to a temporary folder beside `dir`, which then takes its name.
 *
 * @param dir must be absent or empty.
 * @throws EbbError if `dir` holds something, the manifest is wrong (`EBB_BUNDLE_INVALID`), or the file system refuses; nothing is left
 * behind then.
 */
export async function writeBundle(dir: string, bundle: NewBundle): Promise<Manifest> {
  try {
    const manifest = buildManifest(bundle);
    await checkTarget(dir);
    await stage(dir, manifest, bundle, async (temporary) => {
      await rename(temporary, resolve(dir));
      await syncFolder(dirname(resolve(dir)));
    });
    return manifest;
  } catch (error) {
    throw withCode(error, 'EBB_FAILED');
  }
}

/**
 * Puts a bundle in another's place, whole or not at all: it is written beside `dir`, the old folder steps aside, the new one takes its
 * name, and only then the old one is removed. At every moment one of the two is there whole; for an instant, under another name.
 *
 * @param old as it was read; its folder may be a link.
 * @throws Error where the manifest is wrong, the folder has changed since, or the file system refuses; the old bundle is in its place then.
 */
export async function replaceBundle(old: Bundle, bundle: NewBundle): Promise<Manifest> {
  const manifest = buildManifest(bundle);
  const target = await realpath(old.dir);
  await stage(target, manifest, bundle, async (temporary) => {
    const present = await readBundle(target, { publicKey: undefined });
    if (!isDeepStrictEqual(present.manifest, old.manifest))
      throw new Error('the bundle must be as it was read: it has changed meanwhile; try again');
    const aside = besides(target, 'old');
    await rename(target, aside);
    try {
      await rename(temporary, target);
    } catch (error) {
      await rename(aside, target);
      throw error;
    }
    // Before the old one is removed the new one must have its name on the disk too.
    await syncFolder(dirname(target));
    // The new bundle is in its place, whatever becomes of the old one.
    await rm(aside, { recursive: true, force: true }).catch(() => {});
  });
  return manifest;
}

function besides(target: string, ending: string): string {
  return join(dirname(target), `.${basename(target)}.${randomBytes(6).toString('hex')}.${ending}`);
}

/** Writes the bundle into a temporary folder beside `dir` and hands that to `settle`. On failure it is removed. */
async function stage(
  dir: string,
  manifest: Manifest,
  bundle: NewBundle,
  settle: (temporary: string) => Promise<void>,
): Promise<void> {
  const temporary = besides(resolve(dir), 'tmp');
  let undo = async () => {};
  try {
    undo = await makeFolder(temporary);
    for (const [index, level] of manifest.levels.entries())
      await writeFileAtomic(join(temporary, level.file), bundle.levels[index].onnx);
    await writeFileAtomic(join(temporary, manifestFile), `${JSON.stringify(manifest, null, 2)}\n`);
    await settle(temporary);
  } catch (error) {
    // The first error is the one to tell, whatever cleaning up may say.
    await rm(temporary, { recursive: true, force: true }).catch(() => {});
    await undo();
    throw new Error(`Cannot write bundle "${dir}": ${(error as Error).message}`, { cause: error });
  }
}
