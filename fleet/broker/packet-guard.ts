/**
 * Watches the bytes that an MQTT client sends and tells whether a packet announces more than `bytesMax`: aedes itself
 * collects packets of up to 256 MB (MQTT 3.1.1, 2.2.3: remaining length, seven bits a byte, at most four bytes).
 */
export function createPacketGuard(bytesMax: number): { accepts(chunk: Uint8Array): boolean } {
  let skip = 0;
  let place = -1; // -1: the next byte begins a packet; 0 to 3: byte of the remaining length
  let length = 0;
  return {
    accepts(chunk) {
      let i = 0;
      while (i < chunk.length) {
        if (skip > 0) {
          const step = Math.min(skip, chunk.length - i);
          skip -= step;
          i += step;
          continue;
        }
        const byte = chunk[i] ?? 0;
        i += 1;
        if (place < 0) {
          place = 0;
          length = 0;
          continue;
        }
        length += (byte & 0x7f) * 128 ** place;
        if (length > bytesMax) return false;
        if (byte < 0x80) {
          skip = length;
          place = -1;
        } else if (place === 3) return false;
        else place += 1;
      }
      return true;
    },
  };
}
