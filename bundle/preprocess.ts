import type { Manifest } from './manifest.ts';

/**
 * Turns images into a net's input as the manifest says: `value = (pixel * scale - mean[c]) / std[c]`.
 *
 * @param images `[count, height, width, channels]`, 0..255, row by row.
 * @param count number of images.
 * @returns `[count, channels, height, width]` for layout NCHW; in the images' own order for layout NC.
 * @throws RangeError where `images` does not hold `count` images of the manifest's size.
 */
export function preprocess(
  images: Uint8Array,
  count: number,
  manifest: Pick<Manifest, 'input'>,
): Float32Array {
  const { shape, layout, preprocessing } = manifest.input;
  const sizes = shape.slice(1) as number[];
  const size = sizes.reduce((product, length) => product * length, 1);
  if (images.length !== count * size)
    throw new RangeError(
      `Cannot preprocess ${count} images as each must hold ${size} numbers (${sizes.join(' x ')}): current length is ${images.length}; give images of the bundle's input shape`,
    );
  const { scale, mean, std } = preprocessing;
  const channels = mean.length;
  if ((layout === 'NCHW' && sizes[0] !== channels) || std.length !== channels || size % channels !== 0)
    throw new RangeError(
      `Cannot preprocess images of ${sizes.join(' x ')} as mean and std must have one number for each channel: current lengths are ${channels} and ${std.length}; export the bundle again`,
    );
  const values = mean.map((average, c) =>
    Float32Array.from({ length: 256 }, (_, pixel) => (pixel * scale - average) / std[c]),
  );
  const input = new Float32Array(images.length);
  const plane = size / channels;
  for (let c = 0; c < channels; c += 1) {
    const table = values[c];
    for (let image = 0; image < count; image += 1) {
      const from = image * size + c;
      // Channels apart (NCHW), or left where they are (NC).
      const to = layout === 'NCHW' ? image * size + c * plane : from;
      const step = layout === 'NCHW' ? 1 : channels;
      for (let i = 0; i < plane; i += 1) input[to + i * step] = table[images[from + i * channels]];
    }
  }
  return input;
}
