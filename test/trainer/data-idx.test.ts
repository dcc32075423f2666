import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UsageError } from '../../terminal/usage-error.ts';
import { parseIdx } from '../../trainer/data/idx.ts';
import { openData } from '../../trainer/data/open-data.ts';
import { projectRoot } from '../project-root.ts';
import { drawNumbers } from '../tiny-bundle.ts';
import { counting, idx, writeFamily } from './idx-fixture.ts';

describe('parseIdx()', () => {
  it('reads what was written, whatever the dimensions', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 4 }), (dims) => {
        const data = counting(dims.reduce((product, size) => product * size, 1));
        expect(parseIdx(idx(dims, data), 'x', dims.length)).toEqual({ dims, data: Buffer.from(data) });
      }),
    );
  });

  it('refuses a file that is cut short or too long, at whatever byte', () => {
    const whole = idx([4, 3, 2], counting(24));
    for (let length = 0; length < whole.length; length += 1)
      expect(() => parseIdx(whole.subarray(0, length), 'x', 3)).toThrow(
        /must hold \d+ bytes.*download it again/,
      );
    expect(() => parseIdx(Buffer.concat([whole, counting(1)]), 'train', 3)).toThrow(
      'Cannot read IDX file "train" as it must hold 40 bytes: current value is 41; download it again',
    );
  });

  it('refuses labels where images belong, other types, and absurd sizes', () => {
    expect(() => parseIdx(idx([40], counting(40)), 'x', 3)).toThrow(
      'must be 0x00000803 (unsigned bytes, 3 dimensions): current value is 0x00000801',
    );
    expect(() => parseIdx(Buffer.from('PNG, no IDX at all'), 'x', 3)).toThrow('0x504e472c');
    expect(() => parseIdx(idx([2 ** 31, 2 ** 31, 2], counting(8)), 'x', 3)).toThrow(
      'must be positive and fit into',
    );
    expect(() => parseIdx(idx([0, 3, 2], counting(0)), 'x', 3)).toThrow('must be positive');
  });
});

describe('openData() of idx:DIR', () => {
  it('reads plain and gzipped files, digits by default', async () => {
    const data = await openData(await writeFamily());
    expect(data).toMatchObject({ name: 'digits', height: 3, width: 2, channels: 1 });
    expect(data.labels).toEqual(['0', '1', '2', '3', '4', '5', '6', '7', '8', '9']);
    expect(data.augment).toEqual({ pad: 2, flip: false });
    expect(data.train.count).toBe(10);
    expect(Array.from(data.train.labels)).toEqual([3, 1, 4, 0, 5, 9, 2, 6, 8, 7]);
    expect(Array.from(data.test.inputs)).toEqual(Array.from(counting(24)));
    // 0 .. 59: mean 29.5, variance (60^2 - 1) / 12.
    expect(data.mean[0]).toBeCloseTo(29.5 / 255, 12);
    expect(data.std[0]).toBeCloseTo(Math.sqrt(3599 / 12) / 255, 12);
  });

  it("names Fashion-MNIST's classes where the folder is named so", async () => {
    const data = await openData(await writeFamily({}, 'fashion-mnist'));
    expect(data.labels[9]).toBe('Ankle boot');
    expect(data.augment.flip).toBe(true);
  });

  it('reads names with a dot, plain or packed, and says which it took if there are two', async () => {
    const plain = await openData(await writeFamily());
    const notes: string[] = [];
    const images = idx([10, 3, 2], counting(60));
    const dotted = await writeFamily({
      'train-images-idx3-ubyte': undefined,
      'train-images.idx3-ubyte': images,
      't10k-images-idx3-ubyte.gz': undefined,
      't10k-images.idx3-ubyte.gz': gzipSync(idx([4, 3, 2], counting(24))),
      'train-labels-idx1-ubyte.gz': Buffer.from('damaged'),
    });
    // An archive that unpacks each file into a folder of its name.
    await mkdir(`${dotted.slice(4)}/train-images-idx3-ubyte`);
    expect(await openData(dotted, { onNote: (line) => notes.push(line) })).toEqual(plain);
    expect(notes).toEqual([
      expect.stringMatching(
        /^"train-labels-idx1-ubyte" of ".*" is read, not "train-labels-idx1-ubyte\.gz" beside it$/,
      ),
    ]);
  });

  it('names the file that is missing', async () => {
    await expect(openData(await writeFamily({ 'train-labels-idx1-ubyte': undefined }))).rejects.toThrow(
      /train-labels-idx1-ubyte" as it, .* "train-labels.idx1-ubyte.gz" must exist/,
    );
    await expect(openData('idx:/nowhere/at/all')).rejects.toThrow('must exist');
  });

  it('refuses files that do not belong together', async () => {
    const fewer = { 't10k-labels-idx1-ubyte.gz': gzipSync(idx([3], counting(3))) };
    await expect(openData(await writeFamily(fewer))).rejects.toThrow(
      't10k must have one label for each of its 4 images: current number of labels is 3',
    );
    const other = { 't10k-images-idx3-ubyte.gz': gzipSync(idx([4, 2, 2], counting(16))) };
    await expect(openData(await writeFamily(other))).rejects.toThrow('3 x 2 and 2 x 2');
    const eleventh = {
      'train-labels-idx1-ubyte': idx([10], Uint8Array.from([3, 1, 10, 0, 5, 9, 2, 6, 8, 7])),
    };
    await expect(openData(await writeFamily(eleventh))).rejects.toThrow('must be below 10: label 2 is 10');
  });

  it('refuses gzip data that are cut short, changed, no gzip at all, or longer than their header says', async () => {
    const file = 't10k-images-idx3-ubyte.gz';
    const noise = Uint8Array.from(drawNumbers(30_000, 1), (x) => (x + 1) * 127);
    const packed = gzipSync(idx([30, 50, 20], noise));
    await expect(openData(await writeFamily({ [file]: packed.subarray(0, 9_000) }))).rejects.toThrow(
      /must hold 30016 bytes: current value is unknown \(unexpected end of file\); download it again/,
    );
    const changed = Uint8Array.from(packed);
    changed[20_000] ^= 255;
    await expect(openData(await writeFamily({ [file]: changed }))).rejects.toThrow('download it again');
    await expect(openData(await writeFamily({ [file]: counting(100) }))).rejects.toThrow(
      /must be gzip data: current error is incorrect header check/,
    );
    // 16 MB of zeros behind a header that claims 24 bytes: not inflated further than those.
    const bomb = gzipSync(idx([4, 3, 2], new Uint8Array(2 ** 24)));
    await expect(openData(await writeFamily({ [file]: bomb }))).rejects.toThrow(
      'must hold 40 bytes: current value is more',
    );
  });

  const fashion = join(projectRoot, '../shared/data/fashion-mnist');
  it.skipIf(!existsSync(fashion))('reads the real Fashion-MNIST where ../shared/data has it', async () => {
    const { train, test, mean, std, labels } = await openData(`idx:${fashion}`);
    expect([train.count, test.count, labels.length]).toEqual([60_000, 10_000, 10]);
    const perClass = (split: Uint16Array) =>
      labels.map((_, label) => split.reduce((sum, x) => sum + (x === label ? 1 : 0), 0));
    expect(perClass(train.labels)).toEqual(Array.from({ length: 10 }, () => 6_000));
    expect(perClass(test.labels)).toEqual(Array.from({ length: 10 }, () => 1_000));
    // The figures that every tutorial of the set normalises with.
    expect(mean[0]).toBeCloseTo(0.286, 3);
    expect(std[0]).toBeCloseTo(0.353, 3);
  });
});

describe('openData()', () => {
  it('refuses a training split of one class, or without a class of the list', async () => {
    const labelled = (labels: number[]) =>
      writeFamily({ 'train-labels-idx1-ubyte': idx([10], Uint8Array.from(labels)) });
    await expect(openData(await labelled([4, 4, 4, 4, 4, 4, 4, 4, 4, 4]))).rejects.toThrow(
      'must hold two classes or more: current value is "4" alone; add training samples of another class',
    );
    await expect(openData(await labelled([0, 1, 2, 3, 4, 5, 6, 8, 8, 9]))).rejects.toThrow(
      'every class must have a training sample: current number of class 7 ("7") is 0',
    );
  });

  it('refuses an unknown spec as wrong use and names the known ones', async () => {
    await expect(openData('mnist')).rejects.toThrow(UsageError);
    await expect(openData('idx:')).rejects.toThrow('shapes (drawn by ebb itself), idx:DIR');
  });
});
