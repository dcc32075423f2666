import type { Manifest } from './manifest.ts';

/** How `preprocess` makes one number of the input, in words for those who send inputs themselves. */
export const preprocessingFormula = '(value * scale - mean[channel]) / std[channel]';

/** What `preprocess` takes, in words: the values, their range and their order. */
export function describeSamples({ input }: Pick<Manifest, 'input'>): string {
  if (input.layout === 'NC') return 'numbers in the order of the columns';
  const order = ['one channel: grey', '', 'channels in the order red, green, blue'];
  const channels = input.preprocessing.mean.length;
  return `pixels 0 to 255, ${order[channels - 1] || `${channels} channels`}; all rows of a channel, top to bottom, before the next channel`;
}

/**
 * Turns samples into a net's input as the manifest says: `(value * scale - mean[c]) / std[c]`.
 *
 * @param inputs `[count, height, width, channels]`, row by row: pixels 0..255 of images, or sensor vectors.
 * @param count number of samples.
 * @returns `[count, channels, height, width]` for layout NCHW; in the samples' own order for layout NC.
 * @throws RangeError where `inputs` does not hold `count` samples of the manifest's size.
 */
export function preprocess(
  inputs: Uint8Array | Float32Array,
  count: number,
  manifest: Pick<Manifest, 'input'>,
): Float32Array {
  const { shape, layout, preprocessing } = manifest.input;
  const sizes = shape.slice(1) as number[];
  const size = sizes.reduce((product, length) => product * length, 1);
  if (inputs.length !== count * size)
    throw new RangeError(
      `Cannot preprocess ${count} samples as each must hold ${size} numbers (${sizes.join(' x ')}): current length is ${inputs.length}; give samples of the bundle's input shape`,
    );
  const { scale, mean, std } = preprocessing;
  const channels = mean.length;
  if ((layout === 'NCHW' && sizes[0] !== channels) || std.length !== channels || size % channels !== 0)
    throw new RangeError(
      `Cannot preprocess samples of ${sizes.join(' x ')} as mean and std must have one number for each channel: current lengths are ${channels} and ${std.length}; export the bundle again`,
    );
  const input = new Float32Array(inputs.length);
  const plane = size / channels;
  for (let sample = 0; sample < count; sample += 1) {
    for (let c = 0; c < channels; c += 1) {
      const from = sample * size + c;
      // Channels apart (NCHW), or left where they are (NC).
      const to = layout === 'NCHW' ? sample * size + c * plane : from;
      const step = layout === 'NCHW' ? 1 : channels;
      for (let i = 0; i < plane; i += 1)
        input[to + i * step] = (inputs[from + i * channels] * scale - mean[c]) / std[c];
    }
  }
  return input;
}
