import {
  appendFile,
  chmod,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readBundle } from '../../bundle/read-bundle.ts';
import { writeBundle } from '../../bundle/write-bundle.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { tinyBundle } from '../tiny-bundle.ts';

async function written(): Promise<string> {
  const dir = join(await temporaryFolder(), 'bundle');
  await writeBundle(dir, tinyBundle());
  return dir;
}

async function editManifest(dir: string, edit: (manifest: Record<string, unknown>) => void): Promise<void> {
  const path = join(dir, 'manifest.json');
  const manifest = JSON.parse(await readFile(path, 'utf8'));
  edit(manifest);
  await writeFile(path, JSON.stringify(manifest));
}

const firstLevel = (manifest: Record<string, unknown>) => (manifest.levels as Record<string, unknown>[])[0]!;

describe('bundle', () => {
  it('reads back what was written', async () => {
    const dir = await written();
    const bundle = await readBundle(dir);
    expect(bundle.manifest.name).toBe('tiny');
    expect(bundle.manifest.levels.map((level) => level.file)).toEqual([
      'level-0.onnx',
      'level-1.onnx',
      'level-2.onnx',
    ]);
    expect(Buffer.from(bundle.models[1]!).equals(Buffer.from(tinyBundle().levels[1]!.onnx))).toBe(true);
    // Which an inference thread shares in place of a copy.
    for (const { buffer } of bundle.models) expect(buffer).toBeInstanceOf(SharedArrayBuffer);
  });

  const damages: [string, (dir: string) => Promise<unknown>, RegExp][] = [
    ['an absent folder', (dir) => rm(dir, { recursive: true }), /must hold manifest.json: there is none/],
    ['no manifest', (dir) => rm(join(dir, 'manifest.json')), /must hold manifest.json: there is none/],
    [
      'a manifest that is no JSON',
      (dir) => truncate(join(dir, 'manifest.json'), 40),
      /must be readable JSON/,
    ],
    [
      'a manifest that is null',
      (dir) => writeFile(join(dir, 'manifest.json'), 'null'),
      /must have version 1: current value is undefined/,
    ],
    [
      'a manifest of 5 MB',
      (dir) => writeFile(join(dir, 'manifest.json'), ' '.repeat(5e6)),
      /5000000 bytes, more than/,
    ],
    [
      'a truncated level',
      (dir) => truncate(join(dir, 'level-1.onnx'), 100),
      /level-1.onnx must hold \d+ bytes: current value is 100/,
    ],
    ['a longer level', (dir) => appendFile(join(dir, 'level-1.onnx'), 'x'), /level-1.onnx must hold/],
    ['a missing level', (dir) => rm(join(dir, 'level-2.onnx')), /level-2.onnx must be readable.*ENOENT/],
    ['an additional file', (dir) => writeFile(join(dir, 'notes.txt'), ''), /"notes.txt" is not among them/],
    [
      'an unknown version',
      (dir) => editManifest(dir, (m) => (m.version = 99)),
      /must have version 1: current value is 99/,
    ],
    [
      'a path out of the folder',
      (dir) => editManifest(dir, (m) => (firstLevel(m).file = '../level-0.onnx')),
      /levels.0.file: must be a plain file name/,
    ],
    [
      'an absolute path',
      (dir) => editManifest(dir, (m) => (firstLevel(m).file = '/etc/passwd')),
      /must be a plain file name/,
    ],
    ['an unknown key', (dir) => editManifest(dir, (m) => (m.nme = 'x')), /Unrecognized key.*nme/],
    [
      'levels out of order',
      (dir) => editManifest(dir, (m) => (m.levels as unknown[]).reverse()),
      /densest to sparsest/,
    ],
    [
      'a file named twice',
      (dir) => editManifest(dir, (m) => (firstLevel(m).file = 'level-1.onnx')),
      /a file of its own/,
    ],
    [
      'too few labels',
      (dir) => editManifest(dir, (m) => (m.labels as unknown[]).pop()),
      /one label for each of 3 outputs/,
    ],
  ];
  for (const [what, damage, message] of damages) {
    it(`refuses ${what}, and names what is wrong`, async () => {
      const dir = await written();
      await damage(dir);
      const error = await readBundle(dir).then(
        () => undefined,
        (reason: unknown) => reason,
      );
      expect(error).toMatchObject({
        code: expect.stringMatching(/^EBB_BUNDLE_/),
        message: expect.stringMatching(message),
      });
      expect((error as Error).message).toContain(dir);
    });
  }

  it('refuses a level whose bytes changed while its size did not', async () => {
    const dir = await written();
    const path = join(dir, 'level-0.onnx');
    const bytes = await readFile(path);
    bytes[bytes.length - 1]! ^= 1;
    await writeFile(path, bytes);
    await expect(readBundle(dir)).rejects.toThrow(
      /level-0.onnx must have the manifest's sha256 .* export it again/,
    );
  });

  it('does not write over a folder that holds something, and leaves it as it was', async () => {
    const dir = await temporaryFolder();
    await writeFile(join(dir, 'mine'), 'x');
    await expect(writeBundle(dir, tinyBundle())).rejects.toThrow(
      /absent or empty; remove it or choose another/,
    );
    expect(await readdir(dir)).toEqual(['mine']);
  });

  it('leaves nothing behind where the target cannot be made', async () => {
    const parent = await temporaryFolder();
    await writeFile(join(parent, 'file'), '');
    await expect(writeBundle(join(parent, 'file', 'bundle'), tinyBundle())).rejects.toThrow(
      /Cannot write bundle/,
    );
    expect(await readdir(parent)).toEqual(['file']);
  });

  it('refuses a manifest that breaks its own rules before it touches the disk', async () => {
    const parent = await temporaryFolder();
    const bad = { ...tinyBundle(), labels: ['one'] };
    await expect(writeBundle(join(parent, 'bundle'), bad)).rejects.toThrow(/one label for each of 3 outputs/);
    expect(await readdir(parent)).toEqual([]);
  });

  it('can be moved: nothing in it depends on where it lies', async () => {
    const dir = await written();
    const moved = join(dirname(dir), 'elsewhere');
    await mkdir(moved);
    await rename(dir, join(moved, 'b'));
    expect((await readBundle(join(moved, 'b'))).manifest.levels).toHaveLength(3);
    await chmod(moved, 0o755);
  });
});
