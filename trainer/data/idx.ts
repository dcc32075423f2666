/** Unsigned bytes with their dimensions, as an IDX file holds them. */
export type IdxArray = { dims: number[]; data: Uint8Array };

/** Type code of unsigned bytes in the third byte of the magic number. */
const unsignedByte = 0x08;
/** Far above the largest member of the family (EMNIST ByClass, 547 MB): what claims more is damaged or hostile. */
const maxFileBytes = 2 ** 30;

export const idxDownloadCure = 'download it again';

/**
 * Reads the header of an IDX file (http://yann.lecun.com/exdb/mnist: two zero bytes, the type, the number of dimensions, then each
 * dimension as a big-endian 32-bit integer) and says how long the file must be.
 *
 * @param head the file's first bytes, 4 + 4 * rank of them or more.
 * @param path for messages only.
 * @param rank number of dimensions that the file must have.
 * @throws Error where the header is no IDX header of unsigned bytes with `rank` dimensions.
 */
export function parseIdxHeader(
  head: Uint8Array,
  path: string,
  rank: number,
): { dims: number[]; headerBytes: number; fileBytes: number } {
  const headerBytes = 4 + 4 * rank;
  if (head.length < headerBytes)
    throw new Error(
      `Cannot read IDX file "${path}" as its header must hold ${headerBytes} bytes: current length is ${head.length}; ${idxDownloadCure}`,
    );
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const magic = view.getUint32(0);
  const wanted = (unsignedByte << 8) | rank;
  if (magic !== wanted)
    throw new Error(
      `Cannot read IDX file "${path}" as its first four bytes must be 0x${hex(wanted)} (unsigned bytes, ${rank} dimensions): current value is 0x${hex(magic)}; put the file of that name from the MNIST family there, unpacked or as .gz`,
    );
  const dims = Array.from({ length: rank }, (_, i) => view.getUint32(4 + 4 * i));
  const fileBytes = headerBytes + dims.reduce((product, size) => product * size, 1);
  if (dims.includes(0) || fileBytes > maxFileBytes)
    throw new Error(
      `Cannot read IDX file "${path}" as its dimensions must be positive and fit into ${maxFileBytes} bytes: current value is ${dims.join(' x ')}; ${idxDownloadCure}`,
    );
  return { dims, headerBytes, fileBytes };
}

/**
 * Parses an unpacked IDX file of unsigned bytes.
 *
 * @param path for messages only.
 * @param rank number of dimensions that the file must have: 3 for images, 1 for labels.
 * @throws Error where the header is wrong or the file is shorter or longer than its header says.
 */
export function parseIdx(bytes: Uint8Array, path: string, rank: number): IdxArray {
  const { dims, headerBytes, fileBytes } = parseIdxHeader(bytes, path, rank);
  if (bytes.length !== fileBytes) throw lengthError(path, fileBytes, String(bytes.length));
  return { dims, data: bytes.subarray(headerBytes) };
}

export function lengthError(path: string, wanted: number, current: string, cause?: unknown): Error {
  return new Error(
    `Cannot read IDX file "${path}" as it must hold ${wanted} bytes: current value is ${current}; ${idxDownloadCure}`,
    { cause },
  );
}

function hex(value: number): string {
  return value.toString(16).padStart(8, '0');
}
