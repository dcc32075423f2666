import { UsageError } from '../../terminal/usage-error.ts';
import { checkDataSet } from './check-data-set.ts';
import type { DataSet } from './data-set.ts';
import { readCifarFolder } from './read-cifar.ts';
import { readCsv } from './read-csv.ts';
import { readIdxFolder } from './read-idx.ts';
import { readImageFolder } from './read-image-folder.ts';
import { drawShapes } from './shapes/draw-shapes.ts';

/** What `--data` takes, for help and for messages. */
export const dataSpecs =
  'shapes (drawn by ebb itself), idx:DIR (a folder of the MNIST family), cifar10:DIR or cifar100:DIR (binary version), folder:DIR (JPEG and PNG, one sub-folder a class) or csv:FILE (sensor vectors)';

export type OpenDataOptions = {
  /**
   * Which samples become the test split where the data come unsplit. It is not a run's seed: training and evaluation must agree on
   * it. Default 1.
   */
  seed?: number | undefined;
  /** Breaks off where reading takes long. */
  signal?: AbortSignal | undefined;
  /** Told, a line each, what was ignored and which reading was taken where two are possible. */
  onNote?: ((line: string) => void) | undefined;
};

type Open = (path: string, options: { seed: number; onNote: (line: string) => void }) => Promise<DataSet>;

const kinds: Record<string, Open> = {
  idx: (dir, { onNote }) => readIdxFolder(dir, onNote),
  cifar10: (dir) => readCifarFolder(dir, 'cifar10'),
  cifar100: (dir) => readCifarFolder(dir, 'cifar100'),
  folder: readImageFolder,
  csv: readCsv,
};

/**
 * Opens a data set.
 *
 * Inputs are rows of `[height, width, channels]`: pixels 0..255 of images, numbers of sensor vectors. `mean` and `std` are of
 * value * scale over the training split, so that a net's input is `(value * scale - mean[c]) / std[c]`.
 *
 * @param spec one of `dataSpecs`.
 * @throws UsageError where the spec is unknown; Error where the data cannot be read or will not do.
 */
export async function openData(
  spec: string,
  { seed = 1, signal, onNote = () => {} }: OpenDataOptions = {},
): Promise<DataSet> {
  if (spec === 'shapes') return checkDataSet(await drawShapes({ signal }), spec);
  const [, kind, path] = /^([a-z0-9]+):(.+)$/s.exec(spec) ?? [];
  if (kind === undefined || !Object.hasOwn(kinds, kind))
    throw new UsageError(`Cannot open data "${spec}" as it must be ${dataSpecs}: change --data`);
  return checkDataSet(await kinds[kind](path, { seed, onNote }), spec);
}
