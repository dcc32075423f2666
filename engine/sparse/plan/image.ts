import { roundUp } from './layouts.ts';

/** Grows the image that the kernels run: 4-byte words, floats and integers, each part aligned as planes are. */
export class ImageWriter {
  readonly #parts: { at: number; data: Float32Array | Int32Array }[] = [];
  #words = 0;

  /** @returns where the data stand, in words. */
  add(data: Float32Array | Int32Array): number {
    const at = this.reserve(data.length);
    this.#parts.push({ at, data });
    return at;
  }

  /** Leaves room that holds zeros. */
  reserve(words: number): number {
    const at = this.#words;
    this.#words += roundUp(words);
    if (this.#words > largestImage)
      throw new RangeError(
        `Cannot plan the net as it must take at most ${(largestImage * 4) / 2 ** 30} GiB; use the engine "ort"`,
      );
    return at;
  }

  finish(): Int32Array<ArrayBuffer> {
    const image = new Int32Array(this.#words);
    for (const { at, data } of this.#parts)
      image.set(new Int32Array(data.buffer, data.byteOffset, data.length), at);
    return image;
  }
}

/** 1 GiB: places fit into 31 bits with room to spare. */
const largestImage = 2 ** 28;
