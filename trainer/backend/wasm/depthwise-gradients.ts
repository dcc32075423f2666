import { backend_util, type NamedAttrMap, type TensorInfo } from '@tensorflow/tfjs-core';
import { required } from '../required-input.ts';
import { allocate, registerWasmKernel, view, type WasmKernelCall } from './wasm-heap.ts';

type Shape4 = [number, number, number, number];

/** Gradients of a depthwise convolution, which the stock wasm back end lacks: plain loops over its heap, channels innermost. */
export function registerDepthwiseGradients(): void {
  registerWasmKernel('DepthwiseConv2dNativeBackpropFilter', filterGradient);
  registerWasmKernel('DepthwiseConv2dNativeBackpropInput', inputGradient);
}

/**
 * Calls `visit(x, w, y)` for every product of the convolution, a run of all channels at a time: the offsets of its first channel in
 * the input, the filter and the output.
 */
function forEachTap(
  inShape: number[],
  filterShape: number[],
  attrs: NamedAttrMap,
  visit: (x: number, w: number, y: number) => void,
): void {
  const [, , channels, multiplier] = filterShape;
  if (multiplier !== 1)
    throw new Error(
      `Cannot compute a depthwise convolution's gradient as it must have one filter a channel: current value is ${multiplier}`,
    );
  const info = backend_util.computeConv2DInfo(
    inShape as Shape4,
    filterShape as Shape4,
    attrs.strides as [number, number],
    1,
    attrs.pad as 'same' | 'valid',
    undefined,
    true,
  );
  const { batchSize, inHeight, inWidth, outHeight, outWidth, filterHeight, filterWidth, padInfo } = info;
  for (let n = 0; n < batchSize; n += 1)
    for (let p = 0; p < outHeight; p += 1)
      for (let i = 0; i < filterHeight; i += 1) {
        const row = p * info.strideHeight + i - padInfo.top;
        if (row < 0 || row >= inHeight) continue;
        for (let q = 0; q < outWidth; q += 1)
          for (let j = 0; j < filterWidth; j += 1) {
            const column = q * info.strideWidth + j - padInfo.left;
            if (column < 0 || column >= inWidth) continue;
            visit(
              ((n * inHeight + row) * inWidth + column) * channels,
              (i * filterWidth + j) * channels,
              ((n * outHeight + p) * outWidth + q) * channels,
            );
          }
      }
}

/** inputs `x [N,H,W,C]`, `dy [N,OH,OW,C]`; answer `[KH,KW,C,1]`. */
function filterGradient({ inputs, backend, attrs }: WasmKernelCall): TensorInfo {
  const x = required(inputs, 'x');
  const filterShape = attrs.filterShape as number[];
  const gradient = allocate(backend, filterShape);
  const [xs, dys, dw] = [x, required(inputs, 'dy'), gradient].map((info) => view(backend, info));
  const channels = filterShape[2];
  const sums = new Float64Array(dw.length);
  forEachTap(x.shape, filterShape, attrs, (xi, wi, yi) => {
    for (let c = 0; c < channels; c += 1) sums[wi + c] += xs[xi + c] * dys[yi + c];
  });
  dw.set(sums);
  return gradient;
}

/** inputs `dy [N,OH,OW,C]`, `filter [KH,KW,C,1]`; answer `[N,H,W,C]`. */
function inputGradient({ inputs, backend, attrs }: WasmKernelCall): TensorInfo {
  const filter = required(inputs, 'filter');
  const inShape = attrs.inputShape as number[];
  const gradient = allocate(backend, inShape);
  const [w, dys, dx] = [filter, required(inputs, 'dy'), gradient].map((info) => view(backend, info));
  dx.fill(0);
  const channels = inShape[3];
  forEachTap(inShape, filter.shape, attrs, (xi, wi, yi) => {
    for (let c = 0; c < channels; c += 1) dx[xi + c] += w[wi + c] * dys[yi + c];
  });
  return gradient;
}
