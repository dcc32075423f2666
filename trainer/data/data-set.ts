/** Images with their labels. */
export type Split = {
  /** `[count, height, width, channels]`, 0..255, row by row. */
  images: Uint8Array;
  /** `[count]`, index into the data set's labels. */
  labels: Uint8Array;
  count: number;
};

/** A labelled set of images in two splits. */
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
  /** Of pixel / 255 over the training split, one for each channel. */
  mean: number[];
  std: number[];
  /** What training may do to an image without changing its class: shift by up to `pad` pixels, mirror left to right. */
  augment: { pad: number; flip: boolean };
};

/** Mean and standard deviation of pixel / 255 over a split, one of each for each channel. A constant channel gets std 1. */
export function channelStatistics(split: Split, channels: number): { mean: number[]; std: number[] } {
  const sums = new Float64Array(channels);
  const squares = new Float64Array(channels);
  const { images } = split;
  // Sums of integers below 2^53 are exact: the result does not depend on the order of the images.
  for (let i = 0; i < images.length; i += channels) {
    for (let c = 0; c < channels; c += 1) {
      sums[c] += images[i + c];
      squares[c] += images[i + c] * images[i + c];
    }
  }
  const perChannel = images.length / channels;
  const mean = Array.from(sums, (sum) => sum / perChannel / 255);
  const std = mean.map((value, c) => {
    const variance = squares[c] / perChannel / (255 * 255) - value * value;
    return variance > 1e-12 ? Math.sqrt(variance) : 1;
  });
  return { mean, std };
}
