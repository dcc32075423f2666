import { readFile } from 'node:fs/promises';
import { maxImageBytes, maxImagePixels, sniffImage } from './sniff-image.ts';

/** `[height, width, 3]`: red, green and blue of each pixel, 0..255, as they are stored (no turning by EXIF); transparency lies on black. */
export type DecodedImage = { height: number; width: number; pixels: Uint8Array };
export type DecodeOptions = {
  /** Scaled to this, whatever its proportions. Default: as it is stored. */
  size?: { height: number; width: number };
};
export type DecodeImage = (path: string, options?: DecodeOptions) => Promise<DecodedImage>;

/**
 * Loads the decoder of JPEG and PNG, `sharp` (libvips): it is large, and only who reads images needs it.
 *
 * @throws Error where its library is not installed for this platform.
 */
export async function loadDecoder(): Promise<DecodeImage> {
  const sharp = await loadSharp();
  // Settings of the process: several images are decoded at once, each on one thread, and none twice.
  sharp.concurrency(1);
  sharp.cache(false);
  return async (path, { size } = {}) => {
    try {
      const bytes = await readFile(path);
      sniffImage(bytes);
      const image = sharp(bytes, { limitInputPixels: maxImagePixels }).flatten({ background: '#000' });
      const { data, info } = await (size ? image.resize({ ...size, fit: 'fill' }) : image)
        .toColourspace('srgb')
        .raw()
        .toBuffer({ resolveWithObject: true });
      return { height: info.height, width: info.width, pixels: data };
    } catch (cause) {
      // libvips repeats itself, a line each time.
      const [message] = (cause as Error).message.split('\n');
      throw new Error(
        `Cannot read image "${path}" as it must be a whole JPEG or PNG of ${maxImageBytes} bytes and ${maxImagePixels} pixels at most: current error is "${message}"; save it anew, or remove it`,
        { cause },
      );
    }
  };
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
