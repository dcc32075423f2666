import type { DecodeImage } from '../../bundle/image/decode-image.ts';
import type { Manifest } from '../../bundle/manifest.ts';
import { preprocess } from '../../bundle/preprocess.ts';

/** From a file to a net's input. */
export type ReadInput = (path: string) => Promise<Float32Array>;

/**
 * Prepares images as the net was trained on them: scaled to its size, grey where it has one channel, and what the manifest says of numbers.
 * @throws Error where the net does not take images of one or three channels.
 */
export function imageReader(manifest: Pick<Manifest, 'name' | 'input'>, decode: DecodeImage): ReadInput {
  const { layout, shape } = manifest.input;
  const [, channels = 0, height = 0, width = 0] = shape as [string, ...number[]];
  if (layout !== 'NCHW' || shape.length !== 4 || (channels !== 1 && channels !== 3))
    throw new Error(
      `Cannot classify images with "${manifest.name}" as its input must be images of 1 or 3 channels: current value is ${layout} [${shape.join(', ')}]; ask it over HTTP instead`,
    );
  return async (path) => {
    const { pixels } = await decode(path, { size: { height, width } });
    return preprocess(channels === 1 ? toGrey(pixels) : pixels, 1, manifest);
  };
}

/** Luma of ITU-R BT.601; what is grey already stays as it is. */
function toGrey(pixels: Uint8Array): Uint8Array {
  const grey = new Uint8Array(pixels.length / 3);
  for (let i = 0; i < grey.length; i += 1)
    grey[i] = Math.round(0.299 * pixels[3 * i] + 0.587 * pixels[3 * i + 1] + 0.114 * pixels[3 * i + 2]);
  return grey;
}
