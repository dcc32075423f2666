/** Far above any image that a small net is trained on: what is larger is a mistake or hostile. */
export const maxImageBytes = 2 ** 25;
export const maxImagePixels = 2 ** 24;

const signatures = [
  [0xff, 0xd8, 0xff], // JPEG
  [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a], // PNG
];

/**
 * Tells JPEG and PNG by their first bytes, so that no other decoder (SVG, TIFF, GIF) ever sees a file, whatever its name is.
 *
 * @throws RangeError where they are neither, or too many.
 */
export function sniffImage(bytes: Uint8Array): void {
  if (bytes.length > maxImageBytes) throw new RangeError(`it holds ${bytes.length} bytes`);
  if (signatures.some((signature) => signature.every((byte, i) => bytes[i] === byte))) return;
  const hex = Array.from(bytes.subarray(0, 4), (byte) => byte.toString(16).padStart(2, '0')).join(' ');
  throw new RangeError(`it begins with ${hex || 'nothing'}, as neither of them does`);
}
