import * as fs from 'node:fs/promises';
import { readdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { readBundle } from '../../bundle/read-bundle.ts';
import { replaceBundle, writeBundle } from '../../bundle/write-bundle.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { tinyBundle } from '../tiny-bundle.ts';

// A rename that fails after the one before it went well cannot be had from a real file system at will.
vi.mock('node:fs/promises', { spy: true });

async function written() {
  const parent = await temporaryFolder();
  const dir = join(parent, 'bundle');
  await writeBundle(dir, tinyBundle([8, 4]));
  return { parent, dir, old: await readBundle(dir) };
}

describe('replaceBundle()', () => {
  it('puts the new bundle in the place of the old one, also behind a link', async () => {
    const { parent, dir } = await written();
    const link = join(parent, 'link');
    await symlink(dir, link);
    const manifest = await replaceBundle(await readBundle(link), tinyBundle());
    expect((await readBundle(dir)).manifest).toEqual(manifest);
    expect(manifest.levels).toHaveLength(3);
    expect((await readdir(parent)).sort()).toEqual(['bundle', 'link']);
  });

  it('leaves the old one where it has changed meanwhile, or holds something else', async () => {
    const { parent, dir, old } = await written();
    const other = { ...old, manifest: { ...old.manifest, name: 'other' } };
    await expect(replaceBundle(other, tinyBundle())).rejects.toThrow('it has changed meanwhile; try again');
    await writeFile(join(dir, 'note'), '');
    await expect(replaceBundle(old, tinyBundle())).rejects.toThrow('"note" is not among them');
    expect(await readdir(parent)).toEqual(['bundle']);
    expect(await readdir(dir)).toHaveLength(4);
  });

  it('puts the old one back where the new one cannot take its name', async () => {
    const { parent, dir, old } = await written();
    const rename = vi.mocked(fs.rename);
    const real =
      rename.getMockImplementation() ?? (await vi.importActual<typeof fs>('node:fs/promises')).rename;
    rename.mockImplementation(async (from, to) => {
      if (String(from).endsWith('.tmp') && to === dir) throw new Error('EIO: no luck');
      return real(from, to);
    });
    await expect(replaceBundle(old, tinyBundle())).rejects.toThrow(/^Cannot write bundle .*: EIO: no luck$/);
    rename.mockRestore();
    expect((await readBundle(dir)).manifest).toEqual(old.manifest);
    expect(await readdir(parent)).toEqual(['bundle']);
  });
});
