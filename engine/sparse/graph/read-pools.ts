import type { MeanNode, Pair, PoolNode } from './graph.ts';
import type { NodeReader } from './node-reader.ts';
import { readWindow } from './read-window.ts';

function readPool(reader: NodeReader, mode: PoolNode['mode']): PoolNode {
  const input = reader.image(0);
  const [channels, height, width] = input.shape;
  const [kernelHeight = 0, kernelWidth = 0, ...more] = reader.integers('kernel_shape') ?? [];
  reader.require(
    kernelHeight >= 1 && kernelWidth >= 1 && more.length === 0,
    () => 'attribute "kernel_shape" must be two positive integers',
  );
  const kernel: Pair = [kernelHeight, kernelWidth];
  const { window, size } = readWindow(reader, [height, width], kernel);
  const { pads, dilation } = window;
  reader.require(
    pads.top < kernelHeight &&
      pads.bottom < kernelHeight &&
      pads.left < kernelWidth &&
      pads.right < kernelWidth,
    () => 'attribute "pads" must be less than the kernel',
  );
  reader.require(
    mode === 'max' || (dilation[0] === 1 && dilation[1] === 1),
    () => 'attribute "dilations" must be [1, 1]',
  );
  const countPads = reader.integer('count_include_pad', 0) === 1;
  const output = reader.output([channels, ...size]);
  return { kind: 'pool', name: reader.name, mode, input, output, window, countPads };
}

export function readMaxPool(reader: NodeReader): PoolNode {
  reader.requireInteger('storage_order', 0, 0);
  return readPool(reader, 'max');
}

export function readAveragePool(reader: NodeReader): PoolNode {
  return readPool(reader, 'average');
}

export function readGlobalAveragePool(reader: NodeReader): MeanNode {
  const input = reader.image(0);
  return { kind: 'mean', name: reader.name, input, output: reader.output([input.shape[0], 1, 1]) };
}

/** Over height and width. Axes are an attribute before operator set 18, and an input since. */
export function readReduceMean(reader: NodeReader): MeanNode {
  const input = reader.image(0);
  const [channels] = input.shape;
  const axes = reader.opset < 18 ? reader.integers('axes') : reader.has(1) ? reader.integersAt(1) : undefined;
  const sorted = (axes ?? []).map((axis) => reader.axis(axis, input.shape)).toSorted((a, b) => a - b);
  reader.require(
    String(sorted) === '1,2',
    () => `axes must be height and width: current value is [${(axes ?? []).join(', ')}]`,
  );
  const keeps = reader.integer('keepdims', 1) === 1;
  return {
    kind: 'mean',
    name: reader.name,
    input,
    output: reader.output(keeps ? [channels, 1, 1] : [channels]),
  };
}
