import { UsageError } from '../../terminal/usage-error.ts';
import type { DataSet } from './data-set.ts';
import { readIdxFolder } from './read-idx.ts';
import { drawShapes } from './shapes/draw-shapes.ts';

/** What `--data` takes, for help and for messages. */
export const dataSpecs = 'shapes (drawn by ebb itself) or idx:DIR (a folder of the MNIST family)';

/**
 * Opens a data set.
 *
 * Pixels are uint8, 0..255, rows of `[height, width, channels]`; `mean` and `std` are of pixel / 255 over the training split, so that
 * a net's input is `(pixel / 255 - mean[c]) / std[c]`.
 *
 * @param spec `shapes` or `idx:DIR`.
 * @throws UsageError where the spec is unknown; Error where the data cannot be read.
 */
export async function openData(spec: string, _options: { seed?: number } = {}): Promise<DataSet> {
  if (spec === 'shapes') return drawShapes();
  const [, dir] = /^idx:(.+)$/s.exec(spec) ?? [];
  if (dir !== undefined) return readIdxFolder(dir);
  throw new UsageError(`Cannot open data "${spec}" as it must be ${dataSpecs}: change --data`);
}
