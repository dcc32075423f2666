import { encodeModel } from '../bundle/onnx/encode-model.ts';
import type { OnnxModel } from '../bundle/onnx/model.ts';
import type { NewBundle } from '../bundle/write-bundle.ts';

/** Numbers between -1 and 1 that depend on `seed` alone. */
export function drawNumbers(count: number, seed: number): Float32Array {
  let state = (seed * 2654435761 + 1) >>> 0;
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}

/** conv 3x3 - relu - global average pool - gemm on `[batch, 1, 8, 8]`, `width` channels, three classes. */
export function tinyModel(width: number, seed: number): OnnxModel {
  return {
    opset: 17,
    name: 'tiny',
    inputs: [{ name: 'image', shape: ['batch', 1, 8, 8] }],
    outputs: [{ name: 'logits', shape: ['batch', 3] }],
    initializers: [
      { name: 'conv.weight', dims: [width, 1, 3, 3], data: drawNumbers(width * 9, seed) },
      { name: 'dense.weight', dims: [width, 3], data: drawNumbers(width * 3, seed + 1) },
      { name: 'dense.bias', dims: [3], data: drawNumbers(3, seed + 2) },
    ],
    nodes: [
      {
        name: 'conv',
        opType: 'Conv',
        inputs: ['image', 'conv.weight'],
        outputs: ['conv'],
        attributes: {
          kernel_shape: { type: 'INTS', value: [3, 3] },
          pads: { type: 'INTS', value: [1, 1, 1, 1] },
        },
      },
      { name: 'relu', opType: 'Relu', inputs: ['conv'], outputs: ['relu'], attributes: {} },
      { name: 'pool', opType: 'GlobalAveragePool', inputs: ['relu'], outputs: ['pool'], attributes: {} },
      {
        name: 'flatten',
        opType: 'Flatten',
        inputs: ['pool'],
        outputs: ['flatten'],
        attributes: { axis: { type: 'INT', value: 1 } },
      },
      {
        name: 'dense',
        opType: 'Gemm',
        inputs: ['flatten', 'dense.weight', 'dense.bias'],
        outputs: ['logits'],
        attributes: {},
      },
    ],
  };
}

/** A bundle of `widths.length` levels, each a tiny net of its own; another `seed` gives it other weights. */
export function tinyBundle(widths = [16, 8, 4], seed = 1): NewBundle {
  const weights = (width: number) => width * 12;
  return {
    name: 'tiny',
    task: 'classification',
    labels: ['a', 'b', 'c'],
    input: {
      name: 'image',
      shape: ['batch', 1, 8, 8],
      dtype: 'float32',
      layout: 'NCHW',
      preprocessing: { scale: 1 / 255, mean: [0.5], std: [0.25] },
    },
    output: { name: 'logits', shape: ['batch', 3], dtype: 'float32' },
    nested: false,
    levels: widths.map((width, index) => ({
      onnx: encodeModel(tinyModel(width, index + seed)),
      sparsity: 1 - width / widths[0]!,
      nonzeros: weights(width),
      macs: width * 9 * 64 + width * 3,
      accuracy: {
        metric: 'top1',
        value: 0.9 - index / 10,
        correct: 90 - index * 10,
        count: 100,
        data: 'drawn',
        split: 'test',
      },
    })),
  };
}
