import { basename, resolve } from 'node:path';
import { type DecodedImage, type DecodeImage, loadDecoder } from '../../bundle/image/decode-image.ts';
import { freeMemoryBytes } from '../compute/memory-estimate.ts';
import { channelStatistics, type DataSet, pixelScale, type Split } from './data-set.ts';
import { eachBounded } from './each-bounded.ts';
import { findImages, type ImageFile } from './find-images.ts';

/** Share of each class that becomes the test split where the folder has none. */
const testShare = 0.2;
/** Images read and decoded at once: enough to keep every thread of libuv's pool at work. */
const atOnce = 16;
/** Pixels of all images. */
const maxBytes = 2 ** 32;

/**
 * Reads a folder of JPEG and PNG images, one sub-folder a class, in `train/` and `test/` or to be split. All must have one size. They have one
 * channel where all are grey, else three.
 *
 * @param seed decides which images of a folder without `test/` become the test split.
 * @throws Error where the folders are laid out otherwise, or an image is damaged or of another size.
 */
export async function readImageFolder(
  dir: string,
  { seed, onNote }: { seed: number; onNote: (line: string) => void },
): Promise<DataSet> {
  const { labels, train, test, notes } = await findImages(dir, { seed, testShare });
  notes.forEach(onNote);
  const decode = await loadDecoder();
  const first = { ...(await decode(train[0].path)), path: train[0].path };
  const { height, width } = first;
  const bytes = first.pixels.length * (train.length + test.length);
  if (bytes > maxBytes)
    throw new Error(
      `Cannot read image folder "${dir}" as its images must fit into ${maxBytes} bytes: current value is ${bytes} (${train.length + test.length} images of ${width} x ${height}); make them smaller or fewer`,
    );
  checkRoom(dir, bytes);
  const trainInputs = await decodeAll(train, first, decode);
  const testInputs = await decodeAll(test, first, decode);
  const grey = isGrey(trainInputs) && isGrey(testInputs);
  const channels = grey ? 1 : 3;
  const toSplit = (inputs: Uint8Array, files: ImageFile[]): Split => ({
    inputs: grey ? everyThird(inputs) : inputs,
    labels: Uint16Array.from(files, (file) => file.label),
    count: files.length,
  });
  const trainSplit = toSplit(trainInputs, train);
  return {
    name: basename(resolve(dir)),
    labels,
    height,
    width,
    channels,
    train: trainSplit,
    test: toSplit(testInputs, test),
    ...channelStatistics(trainSplit, channels, pixelScale),
    augment: { pad: Math.max(1, Math.round(Math.min(height, width) / 8)), flip: true },
  };
}

/** The images stay in memory, and setting the held-out ones aside copies them once. */
function checkRoom(dir: string, bytes: number): void {
  const free = freeMemoryBytes();
  if (2 * bytes > free)
    throw new Error(
      `Cannot read image folder "${dir}" as its images must fit twice into the memory that is free, ${(free / 1e9).toFixed(1)} GB: current value is twice ${(bytes / 1e9).toFixed(1)} GB; make them smaller or fewer`,
    );
}

async function decodeAll(
  files: ImageFile[],
  first: DecodedImage & { path: string },
  decode: DecodeImage,
): Promise<Uint8Array> {
  const size = first.pixels.length;
  const inputs = new Uint8Array(files.length * size);
  await eachBounded(files.length, atOnce, async (i) => {
    const { path } = files[i];
    const { height, width, pixels } = await decode(path);
    if (height !== first.height || width !== first.width)
      throw new Error(
        `Cannot read image "${path}" as all images must have one size, ${first.width} x ${first.height} as "${first.path}": current value is ${width} x ${height} (width x height); resize or remove it`,
      );
    inputs.set(pixels, i * size);
  });
  return inputs;
}

function isGrey(pixels: Uint8Array): boolean {
  for (let i = 0; i < pixels.length; i += 3)
    if (pixels[i] !== pixels[i + 1] || pixels[i] !== pixels[i + 2]) return false;
  return true;
}

function everyThird(pixels: Uint8Array): Uint8Array {
  const grey = new Uint8Array(pixels.length / 3);
  for (let i = 0; i < grey.length; i += 1) grey[i] = pixels[3 * i];
  return grey;
}
