import { readFile } from 'node:fs/promises';
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
 * `t10k-labels-idx1-ubyte`, each plain or with `.gz`. Classes are Fashion-MNIST's where the folder's name begins with
 * `fashion-mnist`, else the ten digits.
 *
 * @throws Error where a file is missing, damaged, or does not fit the others.
 */
export async function readIdxFolder(dir: string): Promise<DataSet> {
  const name = basename(resolve(dir));
  const isFashion = name.startsWith('fashion-mnist');
  const labels = isFashion ? fashion : digits;
  const train = await readSplit(dir, 'train', labels.length);
  const test = await readSplit(dir, 't10k', labels.length);
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
): Promise<{ split: Split; height: number; width: number }> {
  const images = await readIdxFile(join(dir, `${prefix}-images-idx3-ubyte`), 3);
  const labels = await readIdxFile(join(dir, `${prefix}-labels-idx1-ubyte`), 1);
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

/** Reads `path`, or `path.gz` where that is absent. */
async function readIdxFile(path: string, rank: number): Promise<IdxArray> {
  const plain = await readIfPresent(path);
  if (plain !== undefined) return parseIdx(plain, path, rank);
  const packed = await readIfPresent(`${path}.gz`);
  if (packed === undefined)
    throw new Error(
      `Cannot read IDX file "${path}" as it or "${basename(path)}.gz" must exist: current folder has neither; download the set's four files into it`,
    );
  return parseIdx(await unpack(packed, `${path}.gz`, rank), `${path}.gz`, rank);
}

async function readIfPresent(path: string): Promise<Uint8Array | undefined> {
  try {
    return await readFile(path);
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
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
