import { inputSize, type Manifest } from '../bundle/manifest.ts';
import {
  requireInput,
  requireInteger,
  requireLevel,
  requireOptions,
  requirePositive,
  requireShare,
} from '../errors/check-arguments.ts';
import { deadlineMaxMs } from './profile/schema.ts';

export type InferOptions = {
  /** Inputs in `input`. Default 1; at most the profile's `http.max_batch`. */
  batch?: number | undefined;
  /** Computes at this level instead of the active one. */
  level?: number | undefined;
  /** Time allowed from the call to the answer, above 0 ms, at most an hour. Default: the profile's `deadline_ms`. */
  deadlineMs?: number | undefined;
  /** Least accuracy of the level that answers, 0..1: the active level if it has it, else the sparsest that has. */
  minAccuracy?: number | undefined;
};

const action = 'infer';

/**
 * Checks a call of the library at the door, whatever engine runs it.
 * @returns what to run; the input is a copy, so that the caller may use his own again at once.
 * @throws ArgumentError `EBB_INVALID_ARGUMENT`, `EBB_UNKNOWN_LEVEL` or `EBB_INVALID_INPUT`.
 */
export function checkInfer(
  input: Float32Array,
  options: InferOptions,
  { manifest, maxBatch }: { manifest: Manifest; maxBatch: number },
): InferOptions & { input: Float32Array; batch: number } {
  requireOptions(action, options, ['batch', 'level', 'deadlineMs', 'minAccuracy']);
  const { batch = 1, level, deadlineMs, minAccuracy } = options;
  requireInteger(action, 'the batch', batch, [1, maxBatch]);
  if (level !== undefined) requireLevel(action, level, manifest.levels.length);
  if (deadlineMs !== undefined) requirePositive(action, 'deadlineMs', deadlineMs, deadlineMaxMs);
  if (minAccuracy !== undefined) requireShare(action, 'minAccuracy', minAccuracy);
  const checked = requireInput(action, input, batch, inputSize(manifest));
  return { batch, level, deadlineMs, minAccuracy, input: new Float32Array(checked) };
}
