import type { TensorInfo } from '@tensorflow/tfjs-core';
import { normKernels } from '../norm.ts';
import { required } from '../required-input.ts';
import { channelCombine, channelScale, channelSums } from './channel-loops.ts';
import { allocate, registerWasmKernel, view, type WasmKernelCall } from './wasm-heap.ts';

/**
 * Registers the three as kernels of the wasm back end: loops over its heap in JavaScript. They read and write each
 * activation once or twice, and sum in float64; the stock gradient spends a third of a whole training step in Tile.
 */
export function registerNormKernels(): void {
  registerWasmKernel(normKernels.norm, norm);
  registerWasmKernel(normKernels.normGrad, normGrad);
  registerWasmKernel(normKernels.reluGrad, reluGrad);
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
