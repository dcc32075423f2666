import type { BackendWasm } from '@tensorflow/tfjs-backend-wasm';
import { backend_util, type NamedAttrMap, type TensorInfo } from '@tensorflow/tfjs-core';
import { required } from '../required-input.ts';
import {
  allocate,
  callKernel,
  disposeInfo,
  registerWasmKernel,
  view,
  type WasmKernelCall,
} from './wasm-heap.ts';

type Shape4 = [number, number, number, number];

/**
 * Gradients of a convolution for the wasm back end, both composed of its forward convolution (XNNPACK's indirect GEMM).
 * The stock back end has no Conv2DBackpropFilter, and its Conv2DBackpropInput is a plain loop.
 */
export function registerConvGradients(): void {
  registerWasmKernel('Conv2DBackpropFilter', filterGradient);
  registerWasmKernel('Conv2DBackpropInput', inputGradient);
}

function geometry(inShape: number[], filterShape: number[], attrs: NamedAttrMap) {
  if (attrs.dataFormat !== 'NHWC')
    throw new Error(
      `Cannot compute a convolution's gradient as its layout must be NHWC: current value is ${attrs.dataFormat}`,
    );
  type Stride = number | [number, number];
  type Pad = Parameters<typeof backend_util.computeConv2DInfo>[4];
  return backend_util.computeConv2DInfo(
    inShape as Shape4,
    filterShape as Shape4,
    attrs.strides as Stride,
    1,
    attrs.pad as Pad,
    attrs.dimRoundingMode as 'floor' | 'round' | 'ceil' | undefined,
  );
}

function convolve(
  backend: BackendWasm,
  x: TensorInfo,
  filter: TensorInfo,
  pad: { top: number; bottom: number; left: number; right: number },
  dilations: [number, number],
): TensorInfo {
  return callKernel(
    backend,
    'Conv2D',
    { x, filter },
    {
      strides: [1, 1],
      dilations,
      pad: [
        [0, 0],
        [pad.top, pad.bottom],
        [pad.left, pad.right],
        [0, 0],
      ],
      dataFormat: 'NHWC',
    },
  );
}

/**
 * dW[i,j,c,k] = sum over n,p,q of x[n, p*s+i-pad, q*s+j-pad, c] dy[n,p,q,k]: a convolution in which the batch is the channels,
 * the input's channels are the batch, dy is the filter and the stride is the dilation.
 *
 * inputs `x [N,H,W,C]`, `dy [N,OH,OW,K]`; answer `[KH,KW,C,K]`.
 */
function filterGradient({ inputs, backend, attrs }: WasmKernelCall): TensorInfo {
  const x = required(inputs, 'x');
  const dy = required(inputs, 'dy');
  const filterShape = attrs.filterShape as number[];
  const [kernelHeight, kernelWidth, inChannels, outChannels] = filterShape as Shape4;
  const { padInfo, strideHeight, strideWidth } = geometry(x.shape, filterShape, attrs);
  const channelsFirst = callKernel(backend, 'Transpose', { x }, { perm: [3, 1, 2, 0] });
  const dyFilter = callKernel(backend, 'Transpose', { x: dy }, { perm: [1, 2, 0, 3] });
  const product = convolve(backend, channelsFirst, dyFilter, padInfo, [strideHeight, strideWidth]);
  disposeInfo(backend, channelsFirst, dyFilter);
  // Rows and columns beyond the kernel's arise where the stride leaves the image's last ones unread.
  const [, height, width] = product.shape;
  const gradient = allocate(backend, filterShape);
  const from = view(backend, product);
  const to = view(backend, gradient);
  let at = 0;
  for (let i = 0; i < kernelHeight; i += 1)
    for (let j = 0; j < kernelWidth; j += 1)
      for (let c = 0; c < inChannels; c += 1) {
        const start = ((c * height + i) * width + j) * outChannels;
        for (let k = 0; k < outChannels; k += 1) to[at++] = from[start + k];
      }
  disposeInfo(backend, product);
  return gradient;
}

/**
 * dx as one sub-pixel convolution (Shi et al. 2016): with i + pad = s*q + r, dx[i] = sum over j of dy[q-j] w[r + s*j], so each of the
 * s*s phases r is a small convolution of dy, and all of them are one convolution with s*s*C output channels whose
 * pixels are then dealt out. Stride 1 is the usual convolution with the flipped filter.
 *
 * inputs `dy [N,OH,OW,K]`, `filter [KH,KW,C,K]`; answer `[N,H,W,C]`.
 */
function inputGradient({ inputs, backend, attrs }: WasmKernelCall): TensorInfo {
  const dy = required(inputs, 'dy');
  const filter = required(inputs, 'filter');
  const inShape = attrs.inputShape as number[];
  const info = geometry(inShape, filter.shape, attrs);
  const rows = phases(info.inHeight, info.outHeight, info.filterHeight, info.strideHeight, info.padInfo.top);
  const columns = phases(info.inWidth, info.outWidth, info.filterWidth, info.strideWidth, info.padInfo.left);
  const phaseFilter = arrangePhases(backend, filter, rows, columns);
  const pad = { top: rows.before, bottom: rows.after, left: columns.before, right: columns.after };
  const planes = convolve(backend, dy, phaseFilter, pad, [1, 1]);
  disposeInfo(backend, phaseFilter);
  if (rows.stride === 1 && columns.stride === 1) return planes;
  const gradient = dealOut(backend, planes, inShape as Shape4, rows, columns);
  disposeInfo(backend, planes);
  return gradient;
}

type Phases = {
  size: number;
  kernel: number;
  stride: number;
  pad: number;
  /** Taps of one phase's kernel. */
  taps: number;
  /** The first q, and how many there are. */
  first: number;
  count: number;
  /** Zeros before and after dy. */
  before: number;
  after: number;
};

function phases(size: number, outSize: number, kernel: number, stride: number, pad: number): Phases {
  const taps = Math.ceil(kernel / stride);
  const first = Math.floor(pad / stride);
  const last = Math.floor((size - 1 + pad) / stride);
  const count = last - first + 1;
  return {
    size,
    kernel,
    stride,
    pad,
    taps,
    first,
    count,
    before: taps - 1 - first,
    after: last - outSize + 1,
  };
}

/** `[KH,KW,C,K]` to `[rowTaps,columnTaps,K,s*s*C]`: flipped, in and out exchanged, a block of C channels for each phase. */
function arrangePhases(backend: BackendWasm, filter: TensorInfo, rows: Phases, columns: Phases): TensorInfo {
  const [, , inChannels, outChannels] = filter.shape;
  const blocks = rows.stride * columns.stride * inChannels;
  const arranged = allocate(backend, [rows.taps, columns.taps, outChannels, blocks]);
  const from = view(backend, filter);
  const to = view(backend, arranged).fill(0);
  for (let i = 0; i < rows.kernel; i += 1)
    for (let j = 0; j < columns.kernel; j += 1) {
      const tap =
        (rows.taps - 1 - Math.floor(i / rows.stride)) * columns.taps +
        (columns.taps - 1 - Math.floor(j / columns.stride));
      const block = ((i % rows.stride) * columns.stride + (j % columns.stride)) * inChannels;
      for (let c = 0; c < inChannels; c += 1) {
        const start = ((i * columns.kernel + j) * inChannels + c) * outChannels;
        for (let k = 0; k < outChannels; k += 1)
          to[(tap * outChannels + k) * blocks + block + c] = from[start + k];
      }
    }
  return arranged;
}

/** `[N,rows.count,columns.count,s*s*C]` to `[N,H,W,C]`. */
function dealOut(
  backend: BackendWasm,
  planes: TensorInfo,
  shape: Shape4,
  rows: Phases,
  columns: Phases,
): TensorInfo {
  const [batch, height, width, channels] = shape;
  const gradient = allocate(backend, shape);
  const from = view(backend, planes);
  const to = view(backend, gradient);
  const phaseCount = rows.stride * columns.stride;
  let at = 0;
  for (let n = 0; n < batch; n += 1)
    for (let i = 0; i < height; i += 1) {
      const row = i + rows.pad;
      const q = Math.floor(row / rows.stride) - rows.first;
      const rowStart = (n * rows.count + q) * columns.count;
      for (let j = 0; j < width; j += 1) {
        const column = j + columns.pad;
        const p = Math.floor(column / columns.stride) - columns.first;
        const phase = (row % rows.stride) * columns.stride + (column % columns.stride);
        const start = ((rowStart + p) * phaseCount + phase) * channels;
        for (let c = 0; c < channels; c += 1) to[at++] = from[start + c];
      }
    }
  return gradient;
}
