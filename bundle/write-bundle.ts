import { randomBytes } from 'node:crypto';
import { readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { makeFolder } from './make-folder.ts';
import { type Manifest, type ManifestLevel, manifestSchema, manifestVersion } from './manifest.ts';
import { manifestFile } from './read-bundle.ts';
import { sha256 } from './sha256.ts';
import { writeFileAtomic } from './write-file-atomic.ts';

/** A level that is not yet on disk: its ONNX bytes and what is known of it. */
export type NewLevel = Pick<ManifestLevel, 'sparsity' | 'nonzeros' | 'macs' | 'accuracy'> & {
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
  throw new Error(
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

/**
 * Writes a bundle's folder whole or not at all: everything goes to a temporary folder beside `dir`, which then takes its name.
 *
 * @param dir must be absent or empty.
 * @throws Error where `dir` holds something, the manifest is wrong, or the file system refuses; nothing is left behind then.
 */
export async function writeBundle(dir: string, bundle: NewBundle): Promise<Manifest> {
  const manifest = buildManifest(bundle);
  const target = resolve(dir);
  const temporary = join(dirname(target), `.${basename(target)}.${randomBytes(6).toString('hex')}.tmp`);
  let undo = async () => {};
  try {
    if (!(await isEmptyOrAbsent(target)))
      throw new Error('the folder must be absent or empty; remove it or choose another');
    undo = await makeFolder(temporary);
    for (const [index, level] of manifest.levels.entries())
      await writeFileAtomic(join(temporary, level.file), bundle.levels[index].onnx);
    await writeFileAtomic(join(temporary, manifestFile), `${JSON.stringify(manifest, null, 2)}\n`);
    await rename(temporary, target);
  } catch (error) {
    // The first error is the one to tell, whatever cleaning up may say.
    await rm(temporary, { recursive: true, force: true }).catch(() => {});
    await undo();
    throw new Error(`Cannot write bundle "${dir}": ${(error as Error).message}`, { cause: error });
  }
  return manifest;
}
