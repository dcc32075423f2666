/** Samples with their labels. */
export type Split = {
  /** `[count, height, width, channels]`, row by row: pixels 0..255 of images, numbers of any size of sensor vectors. */
  inputs: Uint8Array | Float32Array;
  /** `[count]`, index into the data set's labels. */
  labels: Uint16Array;
  count: number;
};

/** A labelled set of images, or of sensor vectors (`height` and `width` 1, a feature a channel), in two splits. */
export type DataSet = {
  /** E.g. `fashion-mnist`; it goes into the manifest. */
  name: string;
  /** Class names, in the order of the labels' values. */
  labels: string[];
  height: number;
  width: number;
  channels: number;
  train: Split;
  test: Split;
  /** A net's input is `(value * scale - mean[c]) / std[c]`: `scale` is 1 / 255 for images, 1 for sensor vectors. */
  scale: number;
  /** Of value * scale over the training split, one for each channel. */
  mean: number[];
  std: number[];
  /** What training may do to an image without changing its class: shift by up to `pad` pixels, mirror left to right. */
  augment: { pad: number; flip: boolean };
};

/** `scale` of images: pixels 0..255 become 0..1. */
export const pixelScale = 1 / 255;

/**
 * Mean and standard deviation of value * scale over a split, one of each for each channel. A constant channel gets std 1, so that it
 * becomes 0.
 */
export function channelStatistics(
  split: Split,
  channels: number,
  scale: number,
): { scale: number; mean: number[]; std: number[] } {
  const sums = new Float64Array(channels);
  const squares = new Float64Array(channels);
  const { inputs } = split;
  const perChannel = inputs.length / channels;
  // Sums of pixels are integers below 2^53 and so exact, whatever their order; the second pass keeps large sensor values from cancelling.
  for (let i = 0; i < inputs.length; i += channels)
    for (let c = 0; c < channels; c += 1) sums[c] += inputs[i + c];
  const means = sums.map((sum) => sum / perChannel);
  for (let i = 0; i < inputs.length; i += channels)
    for (let c = 0; c < channels; c += 1) squares[c] += (inputs[i + c] - means[c]) ** 2;
  const mean = Array.from(means, (value) => value * scale);
  const std = Array.from(squares, (sum, c) => {
    const deviation = Math.sqrt(sum / perChannel);
    return deviation > 1e-6 * Math.max(1e-6, Math.abs(means[c])) ? deviation * scale : 1;
  });
  return { scale, mean, std };
}
