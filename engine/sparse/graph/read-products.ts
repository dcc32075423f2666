import type { ConvNode, DenseNode, Pair } from './graph.ts';
import type { NodeReader } from './node-reader.ts';
import { readWindow } from './read-window.ts';

export function readConv(reader: NodeReader): ConvNode {
  const input = reader.image(0);
  const [channels, height, width] = input.shape;
  const { dims, data } = reader.floats(1);
  const [outputs = 0, inputs = 0, ...kernel] = dims;
  const groups = reader.integer('group', 1);
  reader.require(
    kernel.length === 2,
    () => `its weights must be [outputs, inputs, height, width]: their shape is [${dims.join(', ')}]`,
  );
  reader.require(
    groups >= 1 && inputs * groups === channels && outputs % groups === 0,
    () => `its weights [${dims.join(', ')}] must fit ${channels} input channels in ${groups} groups`,
  );
  const stated = reader.integers('kernel_shape') ?? kernel;
  reader.require(
    String(stated) === String(kernel),
    () => `attribute "kernel_shape" must be the weights': current value is [${stated.join(', ')}]`,
  );
  const { window, size } = readWindow(reader, [height, width], kernel as Pair);
  return {
    kind: 'conv',
    name: reader.name,
    input,
    output: reader.output([outputs, ...size]),
    window,
    groups,
    weights: data,
    bias: reader.has(2) ? reader.floatsOf(2, outputs) : undefined,
  };
}

/** `alpha * A * B + beta * C`, where A is computed and B and C are constants. */
export function readGemm(reader: NodeReader): DenseNode {
  reader.requireInteger('transA', 0, 0);
  const alpha = reader.float('alpha', 1);
  const beta = reader.float('beta', 1);
  const { weights, outputs } = readMatrix(reader, reader.integer('transB', 0) === 1);
  const bias = reader.has(2) ? readRow(reader, outputs) : undefined;
  return {
    kind: 'dense',
    name: reader.name,
    input: reader.vector(0),
    output: reader.output([outputs]),
    weights: alpha === 1 ? weights : weights.map((weight) => alpha * weight),
    bias: beta === 1 ? bias : bias?.map((value) => beta * value),
  };
}

export function readMatMul(reader: NodeReader): DenseNode {
  const { weights, outputs } = readMatrix(reader, false);
  const output = reader.output([outputs]);
  return { kind: 'dense', name: reader.name, input: reader.vector(0), output, weights, bias: undefined };
}

/** The right operand as `[outputs, inputs]`. */
function readMatrix(reader: NodeReader, transposed: boolean): { weights: Float32Array; outputs: number } {
  const [features] = reader.vector(0).shape;
  const { dims, data } = reader.floats(1);
  const [rows = 0, columns = 0] = dims;
  const inputs = transposed ? columns : rows;
  const outputs = transposed ? rows : columns;
  reader.require(
    dims.length === 2 && inputs === features,
    () => `its weights [${dims.join(', ')}] must fit ${features} features`,
  );
  if (transposed) return { weights: data, outputs };
  const weights = new Float32Array(data.length);
  for (let o = 0; o < outputs; o += 1)
    for (let i = 0; i < inputs; i += 1) weights[o * inputs + i] = data[i * outputs + o] ?? 0;
  return { weights, outputs };
}

/** A constant that broadcasts to `[batch, size]`: of one number, or of `size`. */
function readRow(reader: NodeReader, size: number): Float32Array {
  const { data } = reader.floats(2);
  return data.length === 1 ? new Float32Array(size).fill(data[0] ?? 0) : reader.floatsOf(2, size);
}
