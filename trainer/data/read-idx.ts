import { readFile, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { constants, gunzip, gunzipSync } from 'node:zlib';
import { channelStatistics, type DataSet, pixelScale, type Split } from './data-set.ts';
import { type IdxArray, idxDownloadCure, lengthError, parseIdx, parseIdxHeader } from './idx.ts';

const digits = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'];
const fashion = [
  'T-shirt/top',
  'Trouser',
  'Pullover',
  'Dress',
  'Coat',
  'Sandal',
  'Shirt',
  'Sneaker',
  'Bag',
  'Ankle boot',
];

/** Enough of a .gz file to hold its own header and the IDX header; it inflates to 4 MB at most. */
const headBytes = 4096;

/**
 * Reads a folder of the MNIST family: `train-images-idx3-ubyte`, `train-labels-idx1-ubyte`, `t10k-images-idx3-ubyte` and
 * `t10k-labels-idx1-ubyte`, each plain or with `.gz`, and also as `train-images.idx3-ubyte`. Classes are Fashion-MNIST's where the folder's name begins with
 * `fashion-mnist`, else the ten digits.
 *
 * @throws Error where a file is missing, damaged, or does not fit the others.
 */
export async function readIdxFolder(dir: string, onNote: (line: string) => void): Promise<DataSet> {
  const name = basename(resolve(dir));
  const isFashion = name.startsWith('fashion-mnist');
  const labels = isFashion ? fashion : digits;
  const train = await readSplit(dir, 'train', labels.length, onNote);
  const test = await readSplit(dir, 't10k', labels.length, onNote);
  if (train.height !== test.height || train.width !== test.width)
    throw new Error(
      `Cannot read data set "${dir}" as training and test images must have one size: current values are ${train.height} x ${train.width} and ${test.height} x ${test.width}; put the four files of one set there`,
    );
  return {
    name,
    labels: [...labels],
    height: train.height,
    width: train.width,
    channels: 1,
    train: train.split,
    test: test.split,
    ...channelStatistics(train.split, 1, pixelScale),
    // A mirrored shoe is a shoe; a mirrored 2 is no digit.
    augment: { pad: 2, flip: isFashion },
  };
}

async function readSplit(
  dir: string,
  prefix: 'train' | 't10k',
  classes: number,
  onNote: (line: string) => void,
): Promise<{ split: Split; height: number; width: number }> {
  const images = await readIdxFile(dir, `${prefix}-images`, 3, onNote);
  const labels = await readIdxFile(dir, `${prefix}-labels`, 1, onNote);
  const [count, height, width] = images.dims;
  if (labels.dims[0] !== count)
    throw new Error(
      `Cannot read data set "${dir}" as ${prefix} must have one label for each of its ${count} images: current number of labels is ${labels.dims[0]}; put the four files of one set there`,
    );
  const wrong = labels.data.findIndex((label) => label >= classes);
  if (wrong >= 0)
    throw new Error(
      `Cannot read data set "${dir}" as ${prefix}'s labels must be below ${classes}: label ${wrong} is ${labels.data[wrong]}; use a set of ${classes} classes`,
    );
  return { split: { inputs: images.data, labels: Uint16Array.from(labels.data), count }, height, width };
}

/**
 * Reads the first that is there of `train-images-idx3-ubyte` and `train-images.idx3-ubyte` (as some programs and mirrors write it), then each
 * with `.gz`.
 */
async function readIdxFile(
  dir: string,
  name: string,
  rank: number,
  onNote: (line: string) => void,
): Promise<IdxArray> {
  const names = [`${name}-idx${rank}-ubyte`, `${name}.idx${rank}-ubyte`];
  names.push(...names.map((plain) => `${plain}.gz`));
  const present: string[] = [];
  for (const candidate of names) if (await isFile(join(dir, candidate))) present.push(candidate);
  const [chosen, ...others] = present;
  if (chosen === undefined)
    throw new Error(
      `Cannot read IDX file "${join(dir, names[0])}" as it, "${names.slice(1).join('", "')}" must exist: current folder has none of them; download the set's four files into it`,
    );
  if (others.length > 0) onNote(`"${chosen}" of "${dir}" is read, not "${others.join('", "')}" beside it`);
  const path = join(dir, chosen);
  const bytes = await readWhole(path);
  return parseIdx(chosen.endsWith('.gz') ? await unpack(bytes, path, rank) : bytes, path, rank);
}

/** Whether it is there and no folder: some archives unpack each file into a folder of its name. */
async function isFile(path: string): Promise<boolean> {
  try {
    return !(await stat(path)).isDirectory();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code !== 'ENOENT' && code !== 'ENOTDIR';
  }
}

async function readWhole(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    throw new Error(
      `Cannot read IDX file "${path}" as it must be a readable file: current error is ${code}`,
      {
        cause,
      },
    );
  }
}

/** Inflates a .gz file to the length its own IDX header claims and not a byte further, so that no small file fills the memory. */
async function unpack(packed: Uint8Array, path: string, rank: number): Promise<Uint8Array> {
  let head: Uint8Array;
  try {
    head = gunzipSync(packed.subarray(0, headBytes), { finishFlush: constants.Z_SYNC_FLUSH });
  } catch (cause) {
    throw new Error(
      `Cannot read IDX file "${path}" as it must be gzip data: current error is ${(cause as Error).message}; ${idxDownloadCure}`,
      { cause },
    );
  }
  const { fileBytes } = parseIdxHeader(head, path, rank);
  try {
    return await promisify(gunzip)(packed, { maxOutputLength: fileBytes });
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    throw lengthError(
      path,
      fileBytes,
      code === 'ERR_BUFFER_TOO_LARGE' ? 'more' : `unknown (${message})`,
      cause,
    );
  }
}
