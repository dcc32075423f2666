import {
  add,
  div,
  engine,
  getBackend,
  getKernel,
  greater,
  mean as meanOf,
  mul,
  sqrt,
  sub,
  sum,
  type Tensor1D,
  type Tensor4D,
  type TensorInfo,
  tidy,
  where,
  zerosLike,
} from '@tensorflow/tfjs-core';
import { channelCombine, channelScale, channelSums } from './channel-loops.ts';
import { allocate, registerWasmKernel, required, view, type WasmKernelCall } from './wasm-heap.ts';

/** Batch normalisation with the batch's own statistics (Ioffe & Szegedy 2015), over all dimensions but the last. */
export type NormResult = { y: Tensor4D; mean: Tensor1D; variance: Tensor1D };
export type NormGradients = { dx: Tensor4D; dScale: Tensor1D; dBias: Tensor1D };

/** y = (x - mean) / sqrt(variance + epsilon) * scale + bias; `variance` is the biased one. */
export function normForward(x: Tensor4D, scale: Tensor1D, bias: Tensor1D, epsilon: number): NormResult {
  if (getKernel('EbbNorm', getBackend())) {
    const inputs = { x, scale, bias };
    const [y, mean, variance] = engine().runKernel('EbbNorm', inputs, { epsilon }) as unknown as [
      Tensor4D,
      Tensor1D,
      Tensor1D,
    ];
    return { y, mean, variance };
  }
  return tidy(() => {
    const mean = meanOf<Tensor1D>(x, [0, 1, 2]);
    const centred = sub<Tensor4D>(x, mean);
    const variance = meanOf<Tensor1D>(mul(centred, centred), [0, 1, 2]);
    const y = add<Tensor4D>(mul(centred, div(scale, sqrt(add(variance, epsilon)))), bias);
    return { y, mean, variance };
  });
}

/**
 * The closed form: with xhat the normalised input and M the numbers in a channel, dBias = sum dy, dScale = sum dy*xhat,
 * dx = scale / sqrt(variance + epsilon) * (dy - dBias/M - xhat * dScale/M).
 */
export function normBackward(
  x: Tensor4D,
  dy: Tensor4D,
  scale: Tensor1D,
  mean: Tensor1D,
  variance: Tensor1D,
  epsilon: number,
): NormGradients {
  if (getKernel('EbbNormGrad', getBackend())) {
    const inputs = { x, dy, scale, mean, variance };
    const [dx, dScale, dBias] = engine().runKernel('EbbNormGrad', inputs, { epsilon }) as unknown as [
      Tensor4D,
      Tensor1D,
      Tensor1D,
    ];
    return { dx, dScale, dBias };
  }
  return tidy(() => {
    const count = x.size / scale.size;
    const deviation = sqrt(add(variance, epsilon));
    const normalised = div(sub(x, mean), deviation);
    const dBias = sum<Tensor1D>(dy, [0, 1, 2]);
    const dScale = sum<Tensor1D>(mul(dy, normalised), [0, 1, 2]);
    const shift = add(mul(normalised, div(dScale, count)), div(dBias, count));
    const dx = mul<Tensor4D>(sub(dy, shift), div(scale, deviation));
    return { dx, dScale, dBias };
  });
}

/** dy where the activation's output y is positive, else 0. */
export function reluBackward(y: Tensor4D, dy: Tensor4D): Tensor4D {
  if (getKernel('EbbReluGrad', getBackend()))
    return engine().runKernel('EbbReluGrad', { y, dy }) as unknown as Tensor4D;
  return tidy(() => where<Tensor4D>(greater(y, 0), dy, zerosLike(dy)));
}

/**
 * Registers the three as kernels of the wasm back end: loops over its heap in JavaScript. They read and write each
 * activation once or twice, and sum in float64; the stock gradient spends a third of a whole training step in Tile.
 */
export function registerNormKernels(): void {
  registerWasmKernel('EbbNorm', norm);
  registerWasmKernel('EbbNormGrad', normGrad);
  registerWasmKernel('EbbReluGrad', reluGrad);
}

function norm({ inputs, backend, attrs }: WasmKernelCall) {
  const xInfo = required(inputs, 'x');
  const outputs = [allocate(backend, xInfo.shape)];
  const channels = xInfo.shape[xInfo.shape.length - 1];
  outputs.push(allocate(backend, [channels]), allocate(backend, [channels]));
  const [y, meanOut, varianceOut] = outputs.map((info) => view(backend, info));
  const x = view(backend, xInfo);
  const scale = view(backend, required(inputs, 'scale'));
  const bias = view(backend, required(inputs, 'bias'));
  const { sums, products: squares } = channelSums(x, x, channels);
  const count = x.length / channels;
  const gain = new Float64Array(channels);
  const offset = new Float64Array(channels);
  for (let c = 0; c < channels; c += 1) {
    const mean = sums[c] / count;
    const variance = Math.max(0, squares[c] / count - mean * mean);
    meanOut[c] = mean;
    varianceOut[c] = variance;
    gain[c] = scale[c] / Math.sqrt(variance + (attrs.epsilon as number));
    offset[c] = bias[c] - mean * gain[c];
  }
  channelScale(y, x, gain, offset);
  return outputs;
}

function normGrad({ inputs, backend, attrs }: WasmKernelCall) {
  const xInfo = required(inputs, 'x');
  const channels = xInfo.shape[xInfo.shape.length - 1];
  const outputs = [
    allocate(backend, xInfo.shape),
    allocate(backend, [channels]),
    allocate(backend, [channels]),
  ];
  const [dx, dScale, dBias] = outputs.map((info) => view(backend, info));
  const [x, dy, scale, mean, variance] = ['x', 'dy', 'scale', 'mean', 'variance'].map((name) =>
    view(backend, required(inputs, name)),
  );
  const { sums, products } = channelSums(dy, x, channels);
  const count = x.length / channels;
  // dx is dy, x and 1 in a linear combination that is constant within a channel.
  const ofDy = new Float64Array(channels);
  const ofX = new Float64Array(channels);
  const ofOne = new Float64Array(channels);
  for (let c = 0; c < channels; c += 1) {
    const inverse = 1 / Math.sqrt(variance[c] + (attrs.epsilon as number));
    const toScale = (products[c] - mean[c] * sums[c]) * inverse;
    dScale[c] = toScale;
    dBias[c] = sums[c];
    ofDy[c] = scale[c] * inverse;
    ofX[c] = (-ofDy[c] * inverse * toScale) / count;
    ofOne[c] = (-ofDy[c] * sums[c]) / count - mean[c] * ofX[c];
  }
  channelCombine(dx, dy, x, { ofA: ofDy, ofB: ofX, ofOne });
  return outputs;
}

function reluGrad({ inputs, backend }: WasmKernelCall) {
  const output = allocate(backend, required(inputs, 'y').shape);
  // Without a branch, which would be mispredicted half the time: as integers, the bits of y are positive
  // exactly where y > 0 (y is never below 0, but may be -0).
  const bits = (info: TensorInfo) => {
    const { buffer, byteOffset, length } = view(backend, info);
    return new Int32Array(buffer, byteOffset, length);
  };
  const dx = bits(output);
  const y = bits(required(inputs, 'y'));
  const dy = bits(required(inputs, 'dy'));
  for (let i = 0; i < dx.length; i += 1) dx[i] = dy[i] & ((-y[i] & ~y[i]) >> 31);
  return output;
}
