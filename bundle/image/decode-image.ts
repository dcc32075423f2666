import { readFile, stat } from 'node:fs/promises';
import type { Metadata } from 'sharp';
import {
  checkImageBytes,
  maxImageBytes,
  maxImagePixels,
  maxScaledPixels,
  maxWholePixels,
  sniffImage,
} from './sniff-image.ts';

/**
 * `[height, width, 3]`: red, green and blue of each pixel, 0..255, in sRGB. The image stands upright, as its EXIF orientation says;
 * transparency lies on black; of an animation it is the first frame.
 */
export type DecodedImage = { height: number; width: number; pixels: Uint8Array };
export type DecodeOptions = {
  /** Scaled to this, whatever its proportions. A large JPEG is scaled while it is decoded, never whole in memory. Default: as it is. */
  size?: { height: number; width: number };
};
export type DecodeImage = (path: string, options?: DecodeOptions) => Promise<DecodedImage>;

/**
 * Loads the decoder of JPEG and PNG, `sharp` (libvips): it is large, and only who reads images needs it.
 *
 * What a decoder can mend is accepted, as browsers do: bytes too many between JPEG markers, colour profiles that are damaged. A file that
 * ends before its picture does is refused: its missing part would be learnt, or classified, as grey.
 *
 * @throws Error where its library is not installed for this platform.
 */
export async function loadDecoder(): Promise<DecodeImage> {
  const sharp = await loadSharp();
  // Settings of the process: several images are decoded at once, each on one thread, and none twice.
  sharp.concurrency(1);
  sharp.cache(false);
  return async (path, { size } = {}) => {
    const limit = { pixels: size ? maxScaledPixels : maxImagePixels };
    const convert = async (bytes: Uint8Array): Promise<DecodedImage> => {
      const image = sharp(bytes, { limitInputPixels: false, failOn: 'error', autoOrient: true });
      const known = await image.metadata();
      if (mustBeWhole(known)) limit.pixels = Math.min(limit.pixels, maxWholePixels);
      if (known.width * known.height > limit.pixels)
        throw new RangeError(`it has ${known.width} x ${known.height} pixels`);
      const { data, info } = await (size ? image.resize({ ...size, fit: 'fill' }) : image)
        .flatten({ background: '#000' })
        .toColourspace('srgb')
        .raw()
        .toBuffer({ resolveWithObject: true });
      return { height: info.height, width: info.width, pixels: data };
    };
    try {
      checkImageBytes((await stat(path)).size);
      const bytes = await readFile(path);
      sniffImage(bytes);
      return await convert(bytes);
    } catch (cause) {
      // libvips repeats itself, a line each time.
      const [message] = (cause as Error).message.split('\n');
      const smaller = / pixels$/.test(message) ? ', smaller' : '';
      throw new Error(
        `Cannot read image "${path}" as it must be a whole JPEG or PNG of ${maxImageBytes} bytes and ${limit.pixels} pixels at most: current error is "${message}"; save it anew${smaller}, or remove it`,
        { cause },
      );
    }
  };
}

/** Others are decoded a few rows at a time. */
function mustBeWhole({ format, isProgressive, orientation = 1 }: Metadata): boolean {
  return isProgressive || (format === 'png' && orientation > 1);
}

async function loadSharp() {
  try {
    return (await import('sharp')).default;
  } catch (cause) {
    throw new Error(
      `Cannot read images as package "sharp" must be loadable: current error is "${(cause as Error).message.split('\n')[0]}"; install it for this platform with npm install --include=optional sharp`,
      { cause },
    );
  }
}
