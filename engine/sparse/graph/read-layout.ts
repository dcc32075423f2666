import { batchMark, squeezeDims, unsqueezeDims } from './fold-constants.ts';
import type { ConcatNode, PadNode, ReshapeNode, Shape, TransposeNode } from './graph.ts';
import type { NodeReader } from './node-reader.ts';

function reshape(reader: NodeReader, shape: Shape): ReshapeNode {
  return { kind: 'reshape', name: reader.name, input: reader.value(0), output: reader.output(shape) };
}

export function readIdentity(reader: NodeReader): ReshapeNode {
  return reshape(reader, reader.value(0).shape);
}

/** Does nothing at inference; its second output, the mask, must not be used. */
export function readDropout(reader: NodeReader): ReshapeNode {
  return readIdentity(reader);
}

export function readFlatten(reader: NodeReader): ReshapeNode {
  const { shape } = reader.value(0);
  const axis = reader.axis(reader.integer('axis', 1), shape);
  reader.require(axis === 0, () => `attribute "axis" must be 1: current value is ${axis + 1}`);
  return reshape(reader, [shape.reduce((product, dim) => product * dim, 1)]);
}

/** TensorProto.DataType. */
const float32 = 1;

/** To the type that everything has here. */
export function readCast(reader: NodeReader): ReshapeNode {
  reader.requireInteger('to', float32, float32);
  return readIdentity(reader);
}

/** A batch of no size 1, so that nobody takes it away. */
const batchSize = -1;

function readRank(reader: NodeReader, [batch, ...dims]: number[]): ReshapeNode {
  reader.require(
    batch === batchSize && (dims.length === 1 || dims.length === 3),
    () =>
      `it must keep the batch and give [batch, features] or [batch, channels, height, width]: its result has ${dims.length + 1} dimensions`,
  );
  return reshape(reader, dims as Shape);
}

export function readSqueeze(reader: NodeReader): ReshapeNode {
  return readRank(reader, squeezeDims(reader, [batchSize, ...reader.value(0).shape]));
}

export function readUnsqueeze(reader: NodeReader): ReshapeNode {
  return readRank(reader, unsqueezeDims(reader, [batchSize, ...reader.value(0).shape]));
}

/** The batch must stay the first dimension. */
export function readReshape(reader: NodeReader): ReshapeNode {
  const { shape } = reader.value(0);
  const wanted = reader.integersAt(1);
  const size = shape.reduce((product, dim) => product * dim, 1);
  const [batch, ...rest] = wanted;
  const from = [batch, ...shape];
  const dims = rest.map((dim, axis) =>
    dim === 0 && reader.integer('allowzero', 0) === 0 ? (from[axis + 1] ?? 0) : dim,
  );
  const known = dims.filter((dim) => dim !== -1).reduce((product, dim) => product * dim, 1);
  const inferred = dims.map((dim) => (dim === -1 ? size / known : dim));
  // A model that was exported for one batch size writes it out: whatever follows is one input's.
  const keepsBatch = batch === 0 || batch === -1 || batch === Number(batchMark) || batch === reader.batch;
  const text = `[${wanted.join(', ')}]`;
  reader.require(
    keepsBatch &&
      (inferred.length === 1 || inferred.length === 3) &&
      inferred.reduce((p, dim) => p * dim, 1) === size,
    () =>
      `it must keep the batch and give [batch, features] or [batch, channels, height, width]: its shape is ${text}`,
  );
  return reshape(reader, inferred as Shape);
}

export function readTranspose(reader: NodeReader): TransposeNode | ReshapeNode {
  const input = reader.value(0);
  const { shape } = input;
  const rank = shape.length + 1;
  const order = reader.integers('perm') ?? Array.from({ length: rank }, (_, axis) => rank - 1 - axis);
  const isOrder =
    order.toSorted((a, b) => a - b).every((axis, index) => axis === index) && order.length === rank;
  reader.require(
    isOrder && order[0] === 0,
    () => `attribute "perm" must keep the batch first: current value is [${order.join(', ')}]`,
  );
  if (rank === 2) return reshape(reader, shape);
  const inner = order.slice(1).map((axis) => axis - 1) as TransposeNode['order'];
  const output = reader.output(inner.map((axis) => shape[axis] ?? 0) as Shape);
  return { kind: 'transpose', name: reader.name, input, output, order: inner };
}

export function readConcat(reader: NodeReader): ConcatNode {
  const inputs = reader.node.inputs.map((_, index) => reader.value(index));
  const first = reader.value(0).shape;
  const axis = reader.axis(reader.integer('axis', 1), first);
  reader.require(axis === 0, () => `attribute "axis" must be 1: current value is ${axis + 1}`);
  const rest = (shape: Shape) => shape.slice(1).join();
  reader.require(
    inputs.every(({ shape }) => shape.length === first.length && rest(shape) === rest(first)),
    () => 'its inputs must differ in their channels alone',
  );
  const channels = inputs.reduce((sum, { shape }) => sum + shape[0], 0);
  const output = reader.output([channels, ...first.slice(1)] as unknown as Shape);
  return { kind: 'concat', name: reader.name, inputs, output };
}

/** Pads of a constant around height and width: attributes before operator set 11, inputs since. */
export function readPad(reader: NodeReader): PadNode {
  const mode = reader.text('mode', 'constant');
  reader.require(mode === 'constant', () => `attribute "mode" must be constant: current value is ${mode}`);
  const input = reader.image(0);
  const [channels, height, width] = input.shape;
  reader.require(!reader.has(3), () => 'it must pad all axes');
  const found = (reader.opset < 11 ? reader.integers('pads') : reader.integersAt(1)) ?? [];
  const [a, b, top = 0, left = 0, c, d, bottom = 0, right = 0] = found;
  reader.require(
    found.length === 8 && [a, b, c, d].every((pad) => pad === 0) && Math.min(top, left, bottom, right) >= 0,
    () =>
      `its pads must lie around height and width and be no negative numbers: they are [${found.join(', ')}]`,
  );
  const value = reader.opset < 11 ? reader.float('value', 0) : reader.has(2) ? reader.scalar(2) : 0;
  const output = reader.output([channels, height + top + bottom, width + left + right]);
  return { kind: 'pad', name: reader.name, input, output, pads: { top, left, bottom, right }, value };
}
