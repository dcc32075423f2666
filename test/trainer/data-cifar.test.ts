import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chooseCifarFiles, cifarLayouts, parseCifar } from '../../trainer/data/cifar.ts';
import { cifar100Labels } from '../../trainer/data/cifar-labels.ts';
import { openData } from '../../trainer/data/open-data.ts';
import { readPacked } from '../../trainer/data/read-packed.ts';
import { projectRoot } from '../project-root.ts';
import { temporaryFolder } from '../temporary-folder.ts';

const { cifar10, cifar100 } = cifarLayouts;

/** Records with these label bytes; plane c of record n is all `10 * n + c`, but its last pixel, which is 255 - c. */
function records(labelBytes: number[][]): Uint8Array {
  return Buffer.concat(
    labelBytes.map((labels, n) => {
      const planes = [0, 1, 2].map((c) => {
        const plane = new Uint8Array(1024).fill(10 * n + c);
        plane[1023] = 255 - c;
        return plane;
      });
      return Buffer.concat([Uint8Array.from(labels), ...planes]);
    }),
  );
}

const tenClasses = records(Array.from({ length: 10 }, (_, n) => [9 - n]));
const hundredClasses = records(Array.from({ length: 100 }, (_, n) => [n % 20, n]));

async function folder(files: Record<string, Uint8Array | string>): Promise<string> {
  const dir = await temporaryFolder();
  for (const [name, bytes] of Object.entries(files)) await writeFile(join(dir, name), bytes);
  return dir;
}

describe('parseCifar()', () => {
  it('turns planes into pixels', () => {
    const { inputs, labels, count } = parseCifar(records([[3], [0]]), 'x', cifar10);
    expect([count, ...labels]).toEqual([2, 3, 0]);
    expect(Array.from(inputs.subarray(0, 6))).toEqual([0, 1, 2, 0, 1, 2]);
    expect(Array.from(inputs.subarray(3072 - 6, 3072 + 3))).toEqual([0, 1, 2, 255, 254, 253, 10, 11, 12]);
  });

  it('keeps every byte, whatever the bytes are', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 3072, maxLength: 3072 }),
        fc.integer({ min: 0, max: 99 }),
        (planes, fine) => {
          const { inputs, labels } = parseCifar(
            Buffer.concat([Uint8Array.of(7, fine), planes]),
            'x',
            cifar100,
          );
          expect(labels[0]).toBe(fine);
          const back = planes.map((_, i) => inputs[(i % 1024) * 3 + Math.floor(i / 1024)]!);
          expect(Buffer.compare(back, planes)).toBe(0);
        },
      ),
      { numRuns: 20 },
    );
  });

  it('refuses what is no whole number of records', () => {
    expect(() => parseCifar(records([[1], [2]]).subarray(0, 4000), 'b.bin', cifar10)).toThrow(
      'Cannot read cifar10 file "b.bin" as it must hold one or more whole records of 3073 bytes: current value is 1 records and 927 bytes more; download it again, or open it as cifar100:DIR',
    );
    expect(() => parseCifar(new Uint8Array(0), 'b.bin', cifar10)).toThrow('0 records and 0 bytes more');
    expect(() => parseCifar(records([[1], [2]]), 'b.bin', cifar100)).toThrow('open it as cifar10:DIR');
  });

  it('names the record whose label is out of range', () => {
    expect(() => parseCifar(records([[1], [9], [10]]), 'b.bin', cifar10)).toThrow(
      'Cannot read cifar10 file "b.bin" as the label of record 2 must be below 10: current value is 10; download it again',
    );
    expect(() =>
      parseCifar(
        records([
          [19, 99],
          [20, 0],
        ]),
        'b.bin',
        cifar100,
      ),
    ).toThrow('the coarse label of record 1 must be below 20: current value is 20');
    expect(() => parseCifar(records([[0, 100]]), 'b.bin', cifar100)).toThrow('the fine label of record 0');
  });
});

describe('chooseCifarFiles()', () => {
  const batches = [1, 2, 3, 4, 5].map((n) => `data_batch_${n}.bin`);

  it('takes the official files where one of them is there, unpacked ones first', () => {
    const names = [...batches, 'data_batch_2.bin.gz', 'test_batch.bin.gz', 'train_more.bin'].sort();
    expect(chooseCifarFiles(names, 'd', cifar10)).toEqual({ train: batches, test: ['test_batch.bin.gz'] });
    expect(chooseCifarFiles(['test.bin', 'train.bin.gz'], 'd', cifar100)).toEqual({
      train: ['train.bin.gz'],
      test: ['test.bin'],
    });
  });

  it('else takes all that are called train*.bin and test*.bin', () => {
    const names = ['images.tar.gz', 'test_a.bin', 'train_a.bin', 'train_a.bin.gz', 'train_b.bin.gz'];
    expect(chooseCifarFiles(names, 'd', cifar10)).toEqual({
      train: ['train_a.bin', 'train_b.bin.gz'],
      test: ['test_a.bin'],
    });
  });

  it('names the file that is missing', () => {
    const four = [...batches.filter((name) => !name.includes('4')), 'test_batch.bin'];
    expect(() => chooseCifarFiles(four, 'd', cifar10)).toThrow(
      'Cannot read cifar10 folder "d" as "data_batch_4.bin" must be there, plain or as .gz: current names are "data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin" and 2 more',
    );
    expect(() => chooseCifarFiles(batches, 'd', cifar10)).toThrow('"test_batch.bin" must be there');
    expect(() => chooseCifarFiles([], 'd', cifar100)).toThrow(
      '"train.bin" or other train*.bin must be there, plain or as .gz: current names are none; unpack',
    );
  });
});

describe('openData() of cifar10:DIR and cifar100:DIR', () => {
  it('joins the training files in order', async () => {
    const dir = await folder({
      'train_1.bin': tenClasses,
      'train_2.bin.gz': gzipSync(records([[6], [6]])),
      'test.bin': records([[1]]),
    });
    const data = await openData(`cifar10:${dir}`);
    expect(data).toMatchObject({ height: 32, width: 32, channels: 3, augment: { pad: 4, flip: true } });
    expect(data.labels[6]).toBe('frog');
    expect(Array.from(data.train.labels)).toEqual([9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 6, 6]);
    expect([data.train.inputs[9 * 3072], data.train.inputs[11 * 3072 + 2], data.test.count]).toEqual([
      90, 12, 1,
    ]);
  });

  it('learns the fine labels, by their names in the folder or by its own list', async () => {
    expect(new Set(cifar100Labels).size).toBe(100);
    expect(cifar100Labels).toEqual([...cifar100Labels].sort());
    const files = { 'train.bin': hundredClasses, 'test.bin.gz': gzipSync(hundredClasses) };
    const data = await openData(`cifar100:${await folder(files)}`);
    expect([data.labels.length, data.labels[99], data.train.labels[99]]).toEqual([100, 'worm', 99]);
    const names = Array.from({ length: 100 }, (_, i) => `class ${i}`);
    const named = { ...files, 'fine_label_names.txt': `${names.join('\n')}\n` };
    expect((await openData(`cifar100:${await folder(named)}`)).labels).toEqual(names);
    const few = { ...files, 'fine_label_names.txt': 'a\nb\na\n' };
    await expect(openData(`cifar100:${await folder(few)}`)).rejects.toThrow(
      'must hold 100 different names, one a line: current value is 3 names, 2 of them different',
    );
  });

  it('refuses a set without training samples of a class, and names it', async () => {
    const dir = await folder({ 'train.bin': records([[1], [2]]), 'test.bin': records([[1]]) });
    await expect(openData(`cifar10:${dir}`)).rejects.toThrow('current number of class 0 ("airplane") is 0');
  });

  it('refuses gzip data that are cut short, and names the file', async () => {
    const packed = gzipSync(tenClasses);
    const cut = await folder({ 'train.bin.gz': packed.subarray(0, 60), 'test.bin': tenClasses });
    await expect(openData(`cifar10:${cut}`)).rejects.toThrow(
      /train\.bin\.gz" as it must be a whole gzip file: current error is unexpected end of file; download it again/,
    );
  });

  it('shows a few names of a folder of many, not all', async () => {
    const files = Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`${i}.png`, new Uint8Array(1)]));
    await expect(openData(`cifar10:${await folder(files)}`)).rejects.toThrow(
      /current names are "0\.png", "[0-9]+\.png", "[0-9]+\.png" and 197 more; unpack/,
    );
  });

  it('names a folder that cannot be read', async () => {
    await expect(openData('cifar10:/nowhere/at/all')).rejects.toThrow(
      /Cannot list data folder "\/nowhere\/at\/all" .* is ENOENT; correct the path/,
    );
  });

  const real = join(projectRoot, '../shared/data/cifar10');
  it.skipIf(!existsSync(real))('reads the real subset of CIFAR-10 where ../shared/data has it', async () => {
    const { train, test, mean, std } = await openData(`cifar10:${real}`);
    expect([train.count, test.count]).toEqual([8068, 1017]);
    // The figures of the whole set are 0.491, 0.482, 0.447 and 0.247, 0.243, 0.262.
    for (const [c, value] of [0.491, 0.482, 0.447].entries()) expect(mean[c]).toBeCloseTo(value, 2);
    for (const [c, value] of [0.247, 0.243, 0.262].entries()) expect(std[c]).toBeCloseTo(value, 2);
  });
});

describe('readPacked()', () => {
  it('inflates a file to the length it may have and not a byte further', async () => {
    const dir = await folder({ 'x.gz': gzipSync(new Uint8Array(1001)), x: new Uint8Array(1001) });
    expect(await readPacked(join(dir, 'x.gz'), 1001)).toHaveLength(1001);
    await expect(readPacked(join(dir, 'x.gz'), 1000)).rejects.toThrow(
      'must hold 1000 bytes at most: current value is more once unpacked; download it again, or cut it',
    );
    await expect(readPacked(join(dir, 'x'), 1000)).rejects.toThrow('current value is 1001 bytes');
    await expect(readPacked(join(dir, 'y'), 1000)).rejects.toThrow(
      'current error is ENOENT; correct the path',
    );
  });
});
