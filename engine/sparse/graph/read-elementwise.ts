import type { Activation, ActivationNode, AddNode, AffineNode, Shape, SoftmaxNode } from './graph.ts';
import type { NodeReader } from './node-reader.ts';

export function readBatchNormalization(reader: NodeReader): AffineNode {
  reader.requireInteger('training_mode', 0, 0);
  const epsilon = reader.float('epsilon', 1e-5);
  const input = reader.value(0);
  const channels = input.shape[0];
  const [gamma, beta, mean, variance] = [1, 2, 3, 4].map((index) => reader.floatsOf(index, channels)) as [
    Float32Array,
    Float32Array,
    Float32Array,
    Float32Array,
  ];
  const factor = Array.from(gamma, (value, c) => value / Math.sqrt((variance[c] ?? 0) + epsilon));
  const scale = Float32Array.from(factor);
  const bias = Float32Array.from(beta, (value, c) => value - (mean[c] ?? 0) * (factor[c] ?? 0));
  return { kind: 'affine', name: reader.name, input, output: reader.output(input.shape), scale, bias };
}

export function readAdd(reader: NodeReader): AddNode | AffineNode {
  if (reader.isConstant(0) || reader.isConstant(1)) {
    const { input, constant } = readConstantOperand(reader);
    const scale = new Float32Array(constant.length).fill(1);
    return {
      kind: 'affine',
      name: reader.name,
      input,
      output: reader.output(input.shape),
      scale,
      bias: constant,
    };
  }
  const inputs: AddNode['inputs'] = [reader.value(0), reader.value(1)];
  const [a, b] = inputs.map(({ shape }) => shape.join(', '));
  reader.require(a === b, () => `both inputs must have the same shape: they are [${a}] and [${b}]`);
  return { kind: 'add', name: reader.name, inputs, output: reader.output(inputs[0].shape) };
}

export function readMul(reader: NodeReader): AffineNode {
  const { input, constant } = readConstantOperand(reader);
  const bias = new Float32Array(constant.length);
  return {
    kind: 'affine',
    name: reader.name,
    input,
    output: reader.output(input.shape),
    scale: constant,
    bias,
  };
}

/** The constant of two operands, as one number for each channel (or feature) of the other. */
function readConstantOperand(reader: NodeReader) {
  const index = reader.isConstant(0) ? 0 : 1;
  const input = reader.value(1 - index);
  const { dims, data } = reader.floats(index);
  const channels = input.shape[0];
  if (data.length === 1) return { input, constant: new Float32Array(channels).fill(data[0] ?? 0) };
  // Dimensions are matched from the last one; those of 1, and those that are missing in front, broadcast.
  const rank = input.shape.length + 1;
  const aligned = [...Array.from({ length: Math.max(0, rank - dims.length) }, () => 1), ...dims];
  reader.require(
    aligned.length === rank && aligned.every((dim, axis) => dim === (axis === 1 ? channels : 1)),
    () => `its constant must hold one number, or one for each channel: its shape is [${dims.join(', ')}]`,
  );
  return { input, constant: data };
}

function activate(reader: NodeReader, activation: Activation): ActivationNode {
  const input = reader.value(0);
  return { kind: 'activation', name: reader.name, input, output: reader.output(input.shape), activation };
}

export const readRelu = (reader: NodeReader) => activate(reader, { kind: 'relu' });
export const readSigmoid = (reader: NodeReader) => activate(reader, { kind: 'sigmoid' });
export const readHardSwish = (reader: NodeReader) => activate(reader, { kind: 'hard-swish' });
export const readLeakyRelu = (reader: NodeReader) =>
  activate(reader, { kind: 'leaky-relu', slope: reader.float('alpha', 0.01) });

/** Bounds are attributes before operator set 11, and inputs since. */
export function readClip(reader: NodeReader): ActivationNode {
  const bound = (name: string, index: number, standard: number) => {
    if (reader.opset < 11) return reader.float(name, standard);
    return reader.has(index) ? reader.scalar(index) : standard;
  };
  const min = bound('min', 1, Number.NEGATIVE_INFINITY);
  const max = bound('max', 2, Number.POSITIVE_INFINITY);
  return activate(reader, { kind: 'clip', min, max });
}

export function readSoftmax(reader: NodeReader): SoftmaxNode {
  const input = reader.value(0);
  const { shape } = input;
  // Before operator set 13, all dimensions from the axis on are one.
  const axis = reader.axis(reader.integer('axis', reader.opset < 13 ? 1 : -1), shape);
  const joined = reader.opset < 13 ? flatSize(shape) === shape[0] : true;
  reader.require(
    axis === 0 && joined,
    () => `attribute "axis" must be the channels': current value is ${axis + 1}`,
  );
  return { kind: 'softmax', name: reader.name, input, output: reader.output(shape) };
}

function flatSize(shape: Shape): number {
  return shape.reduce((product, dim) => product * dim, 1);
}
