/** Above what a camera of 200 megapixels writes; what is larger is a mistake or hostile. */
export const maxImageBytes = 2 ** 27;
/** Of an image that is decoded at its own size, as training does. */
export const maxImagePixels = 2 ** 24;
/** Of an image that is scaled down while it is decoded: cameras have up to 200 million. */
export const maxScaledPixels = 2 ** 28;
/** The same of one that must be whole in memory for it: an interlaced file, or a PNG that is turned. At most 1 GiB (16 bits, with alpha). */
export const maxWholePixels = 2 ** 27;

const signatures = [
  [0xff, 0xd8], // JPEG; the next marker may have stray bytes before it
  [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a], // PNG
];

/**
 * Tells JPEG and PNG by their first bytes, so that no other decoder (SVG, TIFF, GIF) ever sees a file, whatever its name is.
 *
 * @throws RangeError where they are neither, or too many.
 */
export function sniffImage(bytes: Uint8Array): void {
  checkImageBytes(bytes.length);
  if (signatures.some((signature) => signature.every((byte, i) => bytes[i] === byte))) return;
  const hex = Array.from(bytes.subarray(0, 4), (byte) => byte.toString(16).padStart(2, '0')).join(' ');
  if (hex === '') throw new RangeError('the file is empty');
  throw new RangeError(`it begins with ${hex}, as neither of them does`);
}

/** @throws RangeError if an image has more bytes than it may. */
export function checkImageBytes(length: number): void {
  if (length > maxImageBytes) throw new RangeError(`it holds ${length} bytes`);
}
