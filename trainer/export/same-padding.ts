/**
 * TensorFlow's padding "same" in one direction as explicit numbers: the output holds ceil(size / stride) positions, and where the padding is odd its
 * larger half comes after (https://www.tensorflow.org/api_docs/python/tf/nn#notes_on_padding_2).
 *
 * @param size of the input, in the direction padded.
 * @returns zeros before and after.
 */
export function samePadding(size: number, kernel: number, stride: number): [number, number] {
  const positions = Math.ceil(size / stride);
  const total = Math.max(0, (positions - 1) * stride + kernel - size);
  const before = Math.floor(total / 2);
  return [before, total - before];
}
