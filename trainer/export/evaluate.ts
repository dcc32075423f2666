import type { Manifest } from '../../bundle/manifest.ts';
import { preprocess } from '../../bundle/preprocess.ts';
import type { Engine } from '../../engine/engine.ts';
import type { Split } from '../data/data-set.ts';

/** One batch size for the export's figures and for `ebb eval`: a library may sum in another order at another size. */
const mostAtOnce = 100;
/** Numbers in a batch of inputs: 100 images of 128 x 128 x 3. A net's activations are some dozen times as many. */
const mostNumbers = 5e6;

/** Of samples of `size` numbers: fewer of them if they are large, so that memory stays bounded. */
export function evaluationBatch(size: number): number {
  return Math.max(1, Math.min(mostAtOnce, Math.floor(mostNumbers / size)));
}

export type CountOptions = {
  /** Images in one run. Default: `evaluationBatch`. */
  batch?: number;
  signal?: AbortSignal | undefined;
  onProgress?: ((done: number, count: number) => void) | undefined;
};

/**
 * Counts a level's right answers (top-1; of equal logits the first wins).
 *
 * @throws RangeError where the images do not have the manifest's input shape; the signal's reason where it aborts.
 */
export async function countCorrect(
  engine: Engine,
  level: number,
  split: Split,
  manifest: Manifest,
  options: CountOptions = {},
): Promise<{ correct: number; count: number }> {
  const classes = manifest.labels.length;
  const size = split.inputs.length / split.count;
  const { batch = evaluationBatch(size), signal, onProgress } = options;
  let correct = 0;
  for (let start = 0; start < split.count; start += batch) {
    signal?.throwIfAborted();
    const count = Math.min(batch, split.count - start);
    const inputs = split.inputs.subarray(start * size, (start + count) * size);
    const { output } = await engine.run(preprocess(inputs, count, manifest), count, { level });
    for (let i = 0; i < count; i += 1) {
      const logits = output.subarray(i * classes, (i + 1) * classes);
      if (indexOfLargest(logits) === split.labels[start + i]) correct += 1;
    }
    onProgress?.(start + count, split.count);
  }
  return { correct, count: split.count };
}

function indexOfLargest(values: Float32Array): number {
  let largest = 0;
  for (let i = 1; i < values.length; i += 1) if (values[i] > values[largest]) largest = i;
  return largest;
}
