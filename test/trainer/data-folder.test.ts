import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { eachBounded } from '../../trainer/data/each-bounded.ts';
import { findImages } from '../../trainer/data/find-images.ts';
import { openData } from '../../trainer/data/open-data.ts';
import { temporaryFolder } from '../temporary-folder.ts';

type Colour = { r: number; g: number; b: number; alpha?: number };

/** An image of one colour. */
function plain(colour: Colour, format: 'png' | 'jpeg' = 'png', [width, height] = [5, 4]): Promise<Buffer> {
  const channels = colour.alpha === undefined ? 3 : 4;
  return sharp({ create: { width: width!, height: height!, channels, background: colour } })
    .toFormat(format)
    .toBuffer();
}
const grey = (value: number) => ({ r: value, g: value, b: value });

async function folder(files: Record<string, Uint8Array | string>): Promise<string> {
  const dir = await temporaryFolder();
  for (const [name, bytes] of Object.entries(files)) {
    await mkdir(dirname(join(dir, name)), { recursive: true });
    await writeFile(join(dir, name), bytes);
  }
  return dir;
}

/** Two classes of two images each in both splits. */
async function splitFolder(changes: Record<string, Uint8Array | string> = {}): Promise<string> {
  const files: Record<string, Uint8Array | string> = {};
  for (const part of ['train', 'test'])
    for (const name of ['cat', 'ape'])
      for (const i of [1, 2]) files[`${part}/${name}/${i}.png`] = await plain({ r: i, g: 20, b: 30 });
  return folder({ ...files, ...changes });
}

describe('openData() of folder:DIR', () => {
  it('reads train/ and test/, classes and files in the order of their names', async () => {
    const dir = await splitFolder({
      'train/ape/3.JPG': await plain({ r: 9, g: 9, b: 9 }, 'jpeg'),
      'train/ape/.DS_Store': 'hidden',
      'README.md': 'beside the folders',
    });
    const data = await openData(`folder:${dir}`);
    expect(data).toMatchObject({ labels: ['ape', 'cat'], height: 4, width: 5, channels: 3 });
    expect(data.augment).toEqual({ pad: 1, flip: true });
    expect(Array.from(data.train.labels)).toEqual([0, 0, 0, 1, 1]);
    expect([0, 1, 2, 3, 4].map((i) => data.train.inputs[60 * i])).toEqual([1, 2, 9, 1, 2]);
    expect(Array.from(data.test.inputs.subarray(0, 6))).toEqual([1, 20, 30, 1, 20, 30]);
  });

  it('splits one sub-folder a class by seed, class by class', async () => {
    const files: Record<string, Uint8Array> = {};
    for (let i = 0; i < 20; i += 1)
      files[`${i % 2 ? 'a' : 'b'}/${i}.png`] = await plain({ r: i, g: 0, b: 9 });
    const dir = await folder(files);
    const data = await openData(`folder:${dir}`);
    expect([data.train.count, data.test.count]).toEqual([16, 4]);
    expect(Array.from(data.test.labels).sort()).toEqual([0, 0, 1, 1]);
    const reds = [data.train, data.test].flatMap(({ inputs }) => inputs.filter((_, i) => i % 60 === 0));
    expect(reds.flatMap((red) => [...red]).sort((x, y) => x - y)).toEqual(
      Array.from({ length: 20 }, (_, i) => i),
    );
    expect(await openData(`folder:${dir}`)).toEqual(data);
    const seeds = [1, 2, 3].map((seed) => findImages(dir, { seed, testShare: 0.2 }));
    expect(
      new Set((await Promise.all(seeds)).map((found) => JSON.stringify(found.test))).size,
    ).toBeGreaterThan(1);
  });

  it('keeps one channel where all images are grey, and lays transparency on black', async () => {
    const files = {
      'a/1.png': await plain(grey(10)),
      'a/2.png': await sharp(await plain(grey(20)))
        .toColourspace('b-w')
        .png()
        .toBuffer(),
      'b/1.jpg': await sharp(await plain(grey(30)))
        .toColourspace('b-w')
        .jpeg()
        .toBuffer(),
      'b/2.png': await plain({ ...grey(200), alpha: 0.5 }),
    };
    const data = await openData(`folder:${await folder(files)}`);
    expect([data.channels, data.mean.length]).toEqual([1, 1]);
    const values = [data.train, data.test].flatMap(({ inputs }) => [inputs[0]!, inputs[20]!]);
    const [a, b, c, half] = values.sort((x, y) => x - y);
    expect([a, b, c]).toEqual([10, 20, 30]);
    expect(Math.abs(half! - 100)).toBeLessThanOrEqual(1);
    const colour = { ...files, 'a/3.png': await plain({ r: 1, g: 2, b: 3 }) };
    expect((await openData(`folder:${await folder(colour)}`)).channels).toBe(3);
  });

  it('follows links, and takes train for a class where there is no test', async () => {
    const dir = await folder({ 'train/1.png': await plain(grey(1)), 'train/2.png': await plain(grey(2)) });
    await symlink(join(dir, 'train'), join(dir, 'tram'));
    expect((await openData(`folder:${dir}`)).labels).toEqual(['train', 'tram']);
  });

  it('ignores what systems leave and empty folders, and counts them in one line', async () => {
    const image = await plain(grey(1));
    const files = { 'a/1.png': image, 'a/2.png': image, 'b/1.png': image, 'b/2.png': image };
    const dir = await folder({
      ...files,
      'a/Thumbs.db': 'x',
      'a/desktop.ini': 'x',
      'b/._1.png': 'x',
      'b/.DS_Store': 'x',
      '__MACOSX/a/._1.png': 'x',
      '.git/config': 'x',
      'Thumbs.db': 'x',
      'c/.hidden': '',
    });
    await mkdir(join(dir, 'd'));
    await mkdir(join(dir, 'a/@eaDir'));
    const notes: string[] = [];
    const data = await openData(`folder:${dir}`, { onNote: (line) => notes.push(line) });
    expect([data.labels, data.train.count + data.test.count]).toEqual([['a', 'b'], 4]);
    expect(notes).toEqual([
      'ignored 8 entries of the system or hidden (".git", "Thumbs.db", "__MACOSX" and 4 more) and 2 empty folders ("c", "d")',
    ]);
  });

  it('takes class folders whose names differ in their Unicode form alone for one class', async () => {
    const [composed, apart] = ['caf\u00e9', 'cafe\u0301'];
    const image = await plain(grey(1));
    const split = await folder({
      [`train/${composed}/1.png`]: image,
      [`test/${apart}/1.png`]: image,
      'train/bar/1.png': image,
      'test/bar/1.png': image,
    });
    expect((await openData(`folder:${split}`)).labels).toEqual(['bar', composed]);
    const both = await folder({
      [`${composed}/1.png`]: image,
      [`${apart}/1.png`]: image,
      'bar/1.png': image,
      'bar/2.png': image,
    });
    const notes: string[] = [];
    const data = await openData(`folder:${both}`, { onNote: (line) => notes.push(line) });
    expect([data.labels, data.train.count + data.test.count]).toEqual([['bar', composed], 4]);
    expect(notes[0]).toMatch(
      /folders "cafe\\u\{301\}" and "caf\u00e9" of .* are read as one class "caf\u00e9"/,
    );
    const unlike = await folder({
      'train/cat/1.png': image,
      'test/cat /1.png': image,
      'train/bar/1.png': image,
      'test/bar/1.png': image,
    });
    await expect(openData(`folder:${unlike}`)).rejects.toThrow(
      'alone are "cat", of "test" alone "cat\\u{20}"',
    );
  });

  it('names the file that is damaged', async () => {
    const noise = Uint8Array.from({ length: 5 * 4 * 3 }, (_, i) => (i * 97) % 256);
    const image = sharp(noise, { raw: { width: 5, height: 4, channels: 3 } });
    const jpeg = await image.clone().jpeg().toBuffer();
    const png = await image.clone().png().toBuffer();
    const read = async (name: string, bytes: Uint8Array | string) =>
      openData(`folder:${await splitFolder({ [`test/cat/${name}`]: bytes })}`);
    await expect(read('3.jpg', jpeg)).resolves.toMatchObject({ test: { count: 5 } });
    for (const [name, bytes] of [
      ['3.jpg', jpeg.subarray(0, -10)],
      ['3.png', png.subarray(0, -30)],
    ] as const)
      await expect(read(name, bytes)).rejects.toThrow(
        /test\/cat\/3\.(jpg|png)" as it must be a whole JPEG or PNG .*: current error is "[^\n]+"; save it anew, or remove it/,
      );
    await expect(
      read('3.jpg', '<svg xmlns="http://www.w3.org/2000/svg" width="5" height="4"/>'),
    ).rejects.toThrow('current error is "it begins with 3c 73 76 67, as neither of them does"');
    await expect(read('3.png', '')).rejects.toThrow('the file is empty');
  });

  it('names the first file of another size', async () => {
    const dir = await splitFolder({
      'train/cat/3.png': await plain(grey(1), 'png', [6, 4]),
      'train/cat/4.png': await plain(grey(1), 'png', [7, 4]),
    });
    await expect(openData(`folder:${dir}`)).rejects.toThrow(
      /train\/cat\/3\.png" as all images must have one size, 5 x 4 as ".*train\/ape\/1\.png": current value is 6 x 4 \(width x height\); resize or remove it/,
    );
  });

  it('refuses folders that are laid out otherwise', async () => {
    const image = await plain(grey(1));
    const two = { 'a/1.png': image, 'a/2.png': image, 'b/1.png': image, 'b/2.png': image };
    const refused = async (files: Record<string, Uint8Array | string>, message: string | RegExp) =>
      expect(openData(`folder:${await folder(files)}`)).rejects.toThrow(message);
    await refused(
      { '1.png': image },
      'must hold 2 to 65536 sub-folders with images, one a class: current number is 0; sort',
    );
    await refused({ 'a/1.png': image }, 'current number is 1 ("a")');
    await refused({ ...two, 'c/1.png': image }, 'one to train and one to test: current number is 1');
    await refused({ ...two, 'b/3.webp': image }, /b\/3\.webp" .* current file type is \.webp; convert it/);
    await refused({ ...two, 'b/notes': '' }, 'current file type is none');
    await refused({ ...two, 'b/more/1.png': image }, 'the sub-folder "more"');
    await refused({ 'train/a/1.png': image, 'train/b/1.png': image }, 'current sub-folders are "train"; add');
    const three = await splitFolder({ 'validation/cat/1.png': image });
    await expect(openData(`folder:${three}`)).rejects.toThrow(
      'current sub-folders are "test", "train", "validation"',
    );
    const other = await splitFolder({ 'test/dog/1.png': image });
    await expect(openData(`folder:${other}`)).rejects.toThrow(
      'current classes of "train" alone are none, of "test" alone "dog"; add or remove',
    );
    await expect(openData(`folder:${join(other, 'test/dog/1.png')}`)).rejects.toThrow(
      'must be a readable folder: current error',
    );
    await mkdir(join(other, 'train/dog'));
    await expect(openData(`folder:${other}`)).rejects.toThrow('of "test" alone "dog"');
  });
});

describe('eachBounded()', () => {
  it('does every task, never more at once than it may', async () => {
    const done: number[] = [];
    let running = 0;
    await eachBounded(50, 4, async (i) => {
      running += 1;
      expect(running).toBeLessThanOrEqual(4);
      await new Promise((resolve) => setImmediate(resolve));
      running -= 1;
      done.push(i);
    });
    expect(done.sort((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, i) => i));
  });

  it('throws the first failure in order, whichever happened first', async () => {
    const task = async (i: number) => {
      for (let turn = 0; turn < 20 - i; turn += 1) await Promise.resolve();
      if (i >= 3) throw new Error(`task ${i}`);
    };
    await expect(eachBounded(10, 8, task)).rejects.toThrow('task 3');
  });
});
