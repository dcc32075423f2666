/**
 * Loops over activations `[pixels, channels]` with constants or sums of each channel. They take four channels at a time, so that
 * these stay in registers, over a run of pixels that stays in the first-level cache; three to four times as fast as pixel by pixel.
 */
const pixelsInCache = 256;

/** Calls `four(start, end, c)` for every run and four channels, `one(start, end, c)` for the channels left over. */
function forEachRun(
  length: number,
  channels: number,
  four: (start: number, end: number, c: number) => void,
  one: (start: number, end: number, c: number) => void,
): void {
  const run = pixelsInCache * channels;
  const blocks = channels - (channels % 4);
  for (let start = 0; start < length; start += run) {
    const end = Math.min(length, start + run);
    for (let c = 0; c < blocks; c += 4) four(start + c, end, c);
    for (let c = blocks; c < channels; c += 1) one(start + c, end, c);
  }
}

/** For each channel, in float64: the sum of `a`, and of `a * b`. */
export function channelSums(
  a: Float32Array,
  b: Float32Array,
  channels: number,
): { sums: Float64Array; products: Float64Array } {
  const sums = new Float64Array(channels);
  const products = new Float64Array(channels);
  const four = (start: number, end: number, c: number) => {
    let [sum0, sum1, sum2, sum3] = [0, 0, 0, 0];
    let [product0, product1, product2, product3] = [0, 0, 0, 0];
    for (let i = start; i < end; i += channels) {
      const a0 = a[i];
      const a1 = a[i + 1];
      const a2 = a[i + 2];
      const a3 = a[i + 3];
      sum0 += a0;
      sum1 += a1;
      sum2 += a2;
      sum3 += a3;
      product0 += a0 * b[i];
      product1 += a1 * b[i + 1];
      product2 += a2 * b[i + 2];
      product3 += a3 * b[i + 3];
    }
    sums[c] += sum0;
    sums[c + 1] += sum1;
    sums[c + 2] += sum2;
    sums[c + 3] += sum3;
    products[c] += product0;
    products[c + 1] += product1;
    products[c + 2] += product2;
    products[c + 3] += product3;
  };
  const one = (start: number, end: number, c: number) => {
    for (let i = start; i < end; i += channels) {
      sums[c] += a[i];
      products[c] += a[i] * b[i];
    }
  };
  forEachRun(a.length, channels, four, one);
  return { sums, products };
}

/** out = a * ofA + b * ofB + ofOne, with constants of each channel. */
export function channelCombine(
  out: Float32Array,
  a: Float32Array,
  b: Float32Array,
  constants: { ofA: Float64Array; ofB: Float64Array; ofOne: Float64Array },
): void {
  const { ofA, ofB, ofOne } = constants;
  const channels = ofA.length;
  const four = (start: number, end: number, c: number) => {
    const [a0, a1, a2, a3] = [ofA[c], ofA[c + 1], ofA[c + 2], ofA[c + 3]];
    const [b0, b1, b2, b3] = [ofB[c], ofB[c + 1], ofB[c + 2], ofB[c + 3]];
    const [one0, one1, one2, one3] = [ofOne[c], ofOne[c + 1], ofOne[c + 2], ofOne[c + 3]];
    for (let i = start; i < end; i += channels) {
      out[i] = a[i] * a0 + b[i] * b0 + one0;
      out[i + 1] = a[i + 1] * a1 + b[i + 1] * b1 + one1;
      out[i + 2] = a[i + 2] * a2 + b[i + 2] * b2 + one2;
      out[i + 3] = a[i + 3] * a3 + b[i + 3] * b3 + one3;
    }
  };
  const one = (start: number, end: number, c: number) => {
    for (let i = start; i < end; i += channels) out[i] = a[i] * ofA[c] + b[i] * ofB[c] + ofOne[c];
  };
  forEachRun(out.length, channels, four, one);
}

/** out = a * gain + offset, with constants of each channel. */
export function channelScale(
  out: Float32Array,
  a: Float32Array,
  gain: Float64Array,
  offset: Float64Array,
): void {
  const channels = gain.length;
  const four = (start: number, end: number, c: number) => {
    const [gain0, gain1, gain2, gain3] = [gain[c], gain[c + 1], gain[c + 2], gain[c + 3]];
    const [offset0, offset1, offset2, offset3] = [offset[c], offset[c + 1], offset[c + 2], offset[c + 3]];
    for (let i = start; i < end; i += channels) {
      out[i] = a[i] * gain0 + offset0;
      out[i + 1] = a[i + 1] * gain1 + offset1;
      out[i + 2] = a[i + 2] * gain2 + offset2;
      out[i + 3] = a[i + 3] * gain3 + offset3;
    }
  };
  const one = (start: number, end: number, c: number) => {
    for (let i = start; i < end; i += channels) out[i] = a[i] * gain[c] + offset[c];
  };
  forEachRun(out.length, channels, four, one);
}
