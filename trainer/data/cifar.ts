import { pixelScale, type Split } from './data-set.ts';
import { someOf } from './junk.ts';

/** Side of an image in pixels. */
export const cifarSize = 32;
const plane = cifarSize * cifarSize;
const imageBytes = 3 * plane;

/** How a record begins; the red, the green and the blue plane follow (https://www.cs.toronto.edu/~kriz/cifar.html). */
export type CifarLayout = {
  /** As in `--data cifar10:DIR`. */
  kind: 'cifar10' | 'cifar100';
  /** A record's label bytes, and how many classes each tells apart; the last one is the label that is learnt. */
  labelBytes: { name: string; classes: number }[];
  /** Official names of the training files and of the test file. */
  files: { train: string[]; test: string };
};

export const cifarLayouts: Record<CifarLayout['kind'], CifarLayout> = {
  cifar10: {
    kind: 'cifar10',
    labelBytes: [{ name: 'label', classes: 10 }],
    files: { train: [1, 2, 3, 4, 5].map((n) => `data_batch_${n}.bin`), test: 'test_batch.bin' },
  },
  cifar100: {
    kind: 'cifar100',
    labelBytes: [
      { name: 'coarse label', classes: 20 },
      { name: 'fine label', classes: 100 },
    ],
    files: { train: ['train.bin'], test: 'test.bin' },
  },
};

/** What every data set of the family shares, whatever its classes. */
export const cifarImages = {
  height: cifarSize,
  width: cifarSize,
  channels: 3,
  scale: pixelScale,
  // He et al. 2016, section 4.2.
  augment: { pad: 4, flip: true },
};

/**
 * Parses an unpacked file of records: label bytes, then three planes, which become `[height, width, channels]`.
 *
 * @param path for messages only.
 * @throws Error where the file is empty or no whole number of records, or a label is out of range.
 */
export function parseCifar(bytes: Uint8Array, path: string, layout: CifarLayout): Split {
  const { kind, labelBytes } = layout;
  const recordBytes = labelBytes.length + imageBytes;
  const count = Math.floor(bytes.length / recordBytes);
  const other = kind === 'cifar10' ? 'cifar100' : 'cifar10';
  if (count === 0 || bytes.length !== count * recordBytes)
    throw new Error(
      `Cannot read ${kind} file "${path}" as it must hold one or more whole records of ${recordBytes} bytes: current value is ${count} records and ${bytes.length - count * recordBytes} bytes more; download it again, or open it as ${other}:DIR if it is of that set`,
    );
  const inputs = new Uint8Array(count * imageBytes);
  const labels = new Uint16Array(count);
  for (let record = 0; record < count; record += 1) {
    let from = record * recordBytes;
    for (const { name, classes } of labelBytes) {
      const label = bytes[from++];
      if (label >= classes)
        throw new Error(
          `Cannot read ${kind} file "${path}" as the ${name} of record ${record} must be below ${classes}: current value is ${label}; download it again, or open it as ${other}:DIR if it is of that set`,
        );
      labels[record] = label;
    }
    const to = record * imageBytes;
    for (let c = 0; c < 3; c += 1) for (let i = 0; i < plane; i += 1) inputs[to + 3 * i + c] = bytes[from++];
  }
  return { inputs, labels, count };
}

/**
 * Chooses the files to read among the names in a folder: the official ones where any training file of theirs is there, else all that match
 * `train*.bin` and `test*.bin`; `.gz` of each where it is not there unpacked.
 *
 * @param names sorted.
 * @throws Error where a file is missing.
 */
export function chooseCifarFiles(
  names: string[],
  dir: string,
  { kind, files }: CifarLayout,
): { train: string[]; test: string[] } {
  const known = new Set(names);
  const present = (name: string) => [name, `${name}.gz`].find((candidate) => known.has(candidate));
  const official = files.train.some((name) => present(name) !== undefined);
  const choose = (prefix: string, wanted: string[]) => {
    if (official) return wanted.map((name) => present(name) ?? missing(name));
    const found = names.filter((name) => name.startsWith(prefix) && /\.bin(\.gz)?$/.test(name));
    const chosen = found.filter((name) => !name.endsWith('.gz') || !known.has(name.slice(0, -3)));
    return chosen.length > 0 ? chosen : missing(wanted[0], ` or other ${prefix}*.bin`);
  };
  const missing = (name: string, others = ''): never => {
    throw new Error(
      `Cannot read ${kind} folder "${dir}" as "${name}"${others} must be there, plain or as .gz: current names are ${someOf(names)}; unpack the set's binary version into it`,
    );
  };
  return { train: choose('train', files.train), test: choose('test', [files.test]) };
}
