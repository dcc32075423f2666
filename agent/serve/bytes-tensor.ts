/**
 * A tensor of datatype BYTES as the binary tensor extension has it: before each element its length, four bytes, little-endian.
 * Source: https://github.com/triton-inference-server/server, docs/protocol/extension_binary_data.md
 */
export function bytesTensor(elements: readonly string[]): Buffer {
  return Buffer.concat(
    elements.flatMap((element) => {
      const bytes = Buffer.from(element, 'utf8');
      const length = Buffer.alloc(4);
      length.writeUInt32LE(bytes.length);
      return [length, bytes];
    }),
  );
}
