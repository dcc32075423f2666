import type { ConvNode } from '../../trainer/net/graph.ts';

/** Every product of a "same" convolution (TensorFlow's padding), as indices into input, filter and output. */
export function forEachProduct(
  node: ConvNode,
  [height, width]: [number, number],
  count: number,
  visit: (x: number, w: number, y: number) => void,
): void {
  const { stride, inChannels, outChannels, depthwise } = node;
  const [kernelHeight, kernelWidth] = node.kernel;
  const [outHeight, outWidth] = node.outSize;
  const top = Math.floor(Math.max(0, (outHeight - 1) * stride + kernelHeight - height) / 2);
  const left = Math.floor(Math.max(0, (outWidth - 1) * stride + kernelWidth - width) / 2);
  for (let n = 0; n < count; n += 1)
    for (let p = 0; p < outHeight; p += 1)
      for (let q = 0; q < outWidth; q += 1)
        for (let i = 0; i < kernelHeight; i += 1)
          for (let j = 0; j < kernelWidth; j += 1) {
            const row = p * stride + i - top;
            const column = q * stride + j - left;
            if (row < 0 || row >= height || column < 0 || column >= width) continue;
            const x = ((n * height + row) * width + column) * inChannels;
            const y = ((n * outHeight + p) * outWidth + q) * outChannels;
            const tap = i * kernelWidth + j;
            for (let o = 0; o < outChannels; o += 1) {
              if (depthwise) visit(x + o, tap * outChannels + o, y + o);
              else
                for (let c = 0; c < inChannels; c += 1)
                  visit(x + c, (tap * inChannels + c) * outChannels + o, y + o);
            }
          }
}
