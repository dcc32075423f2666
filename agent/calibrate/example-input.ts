import { inputSize, type Manifest } from '../../bundle/manifest.ts';

/** `batch` inputs of numbers like those of a preprocessed image, the same at every call (mulberry32). */
export function exampleInput(manifest: Manifest, batch: number): Float32Array {
  let state = 1;
  return Float32Array.from({ length: batch * inputSize(manifest) }, () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed);
    return (((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * 2 - 1;
  });
}
