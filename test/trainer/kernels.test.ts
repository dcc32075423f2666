import { engine, memory, type Tensor, tensor1d, tensor4d } from '@tensorflow/tfjs-core';
import { beforeAll, expect, it } from 'vitest';
import { normBackward, normForward, reluBackward } from '../../trainer/backend/norm.ts';
import { openBackend } from '../../trainer/backend/open-backend.ts';
import { createRandom } from '../../trainer/random.ts';
import { describeBackends } from './backends.ts';

type Shape4 = [number, number, number, number];

const random = createRandom(5);
const normal = (shape: number[]) => Float32Array.from({ length: size(shape) }, () => random.normal());
const size = (shape: number[]) => shape.reduce((product, length) => product * length, 1);

/** Visits every product of a "same" convolution: indices into x, filter and y, in plain loops. */
function forEachProduct(
  [batch, height, width, ins]: Shape4,
  [kh, kw, , outs]: Shape4,
  stride: number,
  visit: (x: number, w: number, y: number) => void,
): Shape4 {
  const oh = Math.ceil(height / stride);
  const ow = Math.ceil(width / stride);
  const top = Math.floor(Math.max((oh - 1) * stride + kh - height, 0) / 2);
  const left = Math.floor(Math.max((ow - 1) * stride + kw - width, 0) / 2);
  for (let n = 0; n < batch; n += 1)
    for (let p = 0; p < oh; p += 1)
      for (let q = 0; q < ow; q += 1)
        for (let i = 0; i < kh; i += 1)
          for (let j = 0; j < kw; j += 1) {
            const row = p * stride + i - top;
            const column = q * stride + j - left;
            if (row < 0 || row >= height || column < 0 || column >= width) continue;
            for (let c = 0; c < ins; c += 1)
              for (let k = 0; k < outs; k += 1)
                visit(
                  ((n * height + row) * width + column) * ins + c,
                  ((i * kw + j) * ins + c) * outs + k,
                  ((n * oh + p) * ow + q) * outs + k,
                );
          }
  return [batch, oh, ow, outs];
}

/** The largest difference, as a share of the reference's largest value. */
function relativeError(values: ArrayLike<number>, reference: Float64Array): number {
  expect(values.length).toBe(reference.length);
  const scale = reference.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
  const error = reference.reduce((worst, value, i) => Math.max(worst, Math.abs(value - values[i]!)), 0);
  return error / scale;
}

const cases: { x: Shape4; filter: Shape4; stride: number }[] = [
  { x: [3, 8, 8, 4], filter: [3, 3, 4, 5], stride: 1 },
  { x: [2, 7, 9, 3], filter: [3, 3, 3, 6], stride: 1 },
  { x: [3, 8, 8, 4], filter: [3, 3, 4, 5], stride: 2 },
  { x: [2, 7, 9, 3], filter: [3, 3, 3, 6], stride: 2 },
  { x: [2, 8, 7, 3], filter: [1, 1, 3, 4], stride: 2 },
  { x: [1, 7, 7, 2], filter: [1, 1, 2, 3], stride: 2 },
  { x: [2, 6, 6, 3], filter: [1, 1, 3, 2], stride: 1 },
  { x: [2, 9, 8, 2], filter: [5, 3, 2, 3], stride: 2 },
  { x: [2, 10, 11, 2], filter: [3, 3, 2, 3], stride: 3 },
  { x: [1, 1, 1, 3], filter: [3, 3, 3, 2], stride: 2 },
  { x: [5, 9, 5, 1], filter: [3, 3, 1, 16], stride: 1 },
];

describeBackends('convolutions', (backend) => {
  beforeAll(() => openBackend(backend));

  for (const { x, filter, stride } of cases) {
    const name = `[${x}] with [${filter}] at stride ${stride}`;
    const attrs = { strides: [stride, stride], pad: 'same', dataFormat: 'NHWC' };

    it(`agree with plain loops in float64 on ${name}`, () => {
      const xValues = normal(x);
      const wValues = normal(filter);
      const yShape = forEachProduct(x, filter, stride, () => {});
      const dyValues = normal(yShape);
      const dw = new Float64Array(size(filter));
      const dx = new Float64Array(size(x));
      forEachProduct(x, filter, stride, (xi, wi, yi) => {
        dw[wi]! += xValues[xi]! * dyValues[yi]!;
        dx[xi]! += wValues[wi]! * dyValues[yi]!;
      });
      const before = memory().numDataBuffers;
      const inputs = { x: tensor4d(xValues, x), dy: tensor4d(dyValues, yShape) };
      const kernel = tensor4d(wValues, filter);
      const filterGradient = engine().runKernel('Conv2DBackpropFilter', inputs, {
        ...attrs,
        filterShape: filter,
      }) as Tensor;
      const inputGradient = engine().runKernel(
        'Conv2DBackpropInput',
        { dy: inputs.dy, filter: kernel },
        { ...attrs, inputShape: x },
      ) as Tensor;
      expect(filterGradient.shape).toEqual(filter);
      expect(inputGradient.shape).toEqual(x);
      expect(relativeError(filterGradient.dataSync(), dw)).toBeLessThan(2e-6);
      expect(relativeError(inputGradient.dataSync(), dx)).toBeLessThan(2e-6);
      for (const tensor of [filterGradient, inputGradient, kernel, ...Object.values(inputs)])
        tensor.dispose();
      expect(memory().numDataBuffers).toBe(before);
    });
  }
});

describeBackends('norm and activation', (backend) => {
  beforeAll(() => openBackend(backend));

  const shape: Shape4 = [4, 25, 13, 6];
  const channels = shape[3];
  const epsilon = 1e-3;
  const x = normal(shape).map((value, i) => 3 * value + (i % channels));
  const dy = normal(shape);
  const scale = normal([channels]);
  const bias = normal([channels]);

  function normalise(input: ArrayLike<number>): {
    y: Float64Array;
    mean: Float64Array;
    variance: Float64Array;
  } {
    const count = input.length / channels;
    const mean = new Float64Array(channels);
    const variance = new Float64Array(channels);
    for (let i = 0; i < input.length; i += 1) mean[i % channels]! += input[i]! / count;
    for (let i = 0; i < input.length; i += 1)
      variance[i % channels]! += (input[i]! - mean[i % channels]!) ** 2 / count;
    const y = Float64Array.from(input, (value, i) => {
      const c = i % channels;
      return ((value - mean[c]!) / Math.sqrt(variance[c]! + epsilon)) * scale[c]! + bias[c]!;
    });
    return { y, mean, variance };
  }

  it('computes what the formula says in float64', () => {
    const expected = normalise(x);
    const { y, mean, variance } = normForward(tensor4d(x, shape), tensor1d(scale), tensor1d(bias), epsilon);
    expect(relativeError(y.dataSync(), expected.y)).toBeLessThan(1e-6);
    expect(relativeError(mean.dataSync(), expected.mean)).toBeLessThan(1e-6);
    expect(relativeError(variance.dataSync(), expected.variance)).toBeLessThan(1e-6);
  });

  it('has the gradients of finite differences in float64', () => {
    const { mean, variance } = normalise(x);
    const { dx, dScale, dBias } = normBackward(
      tensor4d(x, shape),
      tensor4d(dy, shape),
      tensor1d(scale),
      tensor1d(Float32Array.from(mean)),
      tensor1d(Float32Array.from(variance)),
      epsilon,
    );
    const objective = (input: ArrayLike<number>) =>
      normalise(input).y.reduce((sum, value, i) => sum + value * dy[i]!, 0);
    const step = 1e-4;
    const exact = Float64Array.from(x);
    // 61 shares no divisor with the channels: all of them are met.
    const sample = [...x.keys()].filter((i) => i % 61 === 0);
    const differences = Float64Array.from(sample, (i) => {
      const up = objective(exact.with(i, exact[i]! + step));
      return (up - objective(exact.with(i, exact[i]! - step))) / (2 * step);
    });
    const values = dx.dataSync();
    expect(
      relativeError(
        sample.map((i) => values[i]!),
        differences,
      ),
    ).toBeLessThan(2e-6);
    const sums = new Float64Array(channels);
    const products = new Float64Array(channels);
    dy.forEach((value, i) => {
      const c = i % channels;
      sums[c]! += value;
      products[c]! += (value * (x[i]! - mean[c]!)) / Math.sqrt(variance[c]! + epsilon);
    });
    expect(relativeError(dBias.dataSync(), sums)).toBeLessThan(1e-6);
    expect(relativeError(dScale.dataSync(), products)).toBeLessThan(1e-6);
  });

  it('reluBackward() passes gradients exactly where the output is positive', () => {
    const y = tensor4d([0, 1, -0, 1e-30, 2, 0], [1, 1, 1, 6]);
    const dy = tensor4d([1, -2, 3, 4, 0, 6], [1, 1, 1, 6]);
    expect([...reluBackward(y, dy).dataSync()]).toEqual([0, -2, 0, 4, 0, 0]);
  });
});
