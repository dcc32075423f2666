import type { OnnxTensor } from '../../../bundle/onnx/model.ts';
import type { NodeReader } from './node-reader.ts';

/**
 * Stands for the batch in the shape of a computed value. Only operators that move numbers are folded, none that computes with
 * them, so it reaches a Reshape unchanged or not at all.
 */
export const batchMark = -(2n ** 62n);

type Folded = Omit<OnnxTensor, 'name'>;

const sizeOf = (dims: readonly number[]) => dims.reduce((product, dim) => product * dim, 1);

/** Operators whose result is known when the model is opened, if what they read is (https://onnx.ai/onnx/operators). */
const folders = new Map<string, (reader: NodeReader) => Folded>([
  ['Cast', (reader) => reader.constant(0)],
  ['Concat', foldConcat],
  ['Dropout', (reader) => reader.constant(0)],
  ['Flatten', foldFlatten],
  ['Gather', foldGather],
  ['Identity', (reader) => reader.constant(0)],
  ['Reshape', foldReshape],
  ['Squeeze', (reader) => ({ ...reader.constant(0), dims: squeezeDims(reader, reader.constant(0).dims) })],
  ['Transpose', foldTranspose],
  [
    'Unsqueeze',
    (reader) => ({ ...reader.constant(0), dims: unsqueezeDims(reader, reader.constant(0).dims) }),
  ],
]);

/** The constant that a node gives; undefined if its result depends on the model's input. */
export function foldConstant(reader: NodeReader): OnnxTensor | undefined {
  const { node } = reader;
  const name = node.outputs[0];
  if (!name || (node.domain && node.domain !== 'ai.onnx')) return undefined;
  if (node.opType === 'Constant') return { ...readConstant(reader), name };
  if (node.opType === 'Shape' && reader.isComputed(0)) return { ...shapeOf(reader), name };
  const fold = folders.get(node.opType);
  const isKnown =
    node.inputs.length > 0 && node.inputs.every((input, index) => !input || reader.isConstant(index));
  if (fold === undefined || !isKnown) return undefined;
  const folded = fold(reader);
  reader.require(
    folded.data.length === sizeOf(folded.dims),
    () => `its result [${folded.dims.join(', ')}] must hold the ${folded.data.length} numbers of its input`,
  );
  return { ...folded, name };
}

function readConstant(reader: NodeReader): Folded {
  const { value, value_float, value_floats, value_int, value_ints } = reader.node.attributes;
  if (value?.type === 'TENSOR') return { dims: value.value.dims, data: value.value.data };
  if (value_float?.type === 'FLOAT') return { dims: [], data: Float32Array.of(value_float.value) };
  if (value_floats?.type === 'FLOATS')
    return { dims: [value_floats.value.length], data: Float32Array.from(value_floats.value) };
  if (value_int?.type === 'INT') return { dims: [], data: BigInt64Array.of(BigInt(value_int.value)) };
  if (value_ints?.type === 'INTS')
    return { dims: [value_ints.value.length], data: BigInt64Array.from(value_ints.value, BigInt) };
  throw reader.unsupported('it must have the attribute "value", of numbers');
}

function shapeOf(reader: NodeReader): Folded {
  const all = [batchMark, ...reader.value(0).shape.map(BigInt)];
  const data = all.slice(reader.integer('start', 0), reader.integer('end', all.length));
  return { dims: [data.length], data: BigInt64Array.from(data) };
}

function foldReshape(reader: NodeReader): Folded {
  const { dims, data } = reader.constant(0);
  const wanted = reader.integersAt(1);
  const keepsZero = reader.integer('allowzero', 0) !== 0;
  const sizes = wanted.map((dim, axis) => (dim === 0 && !keepsZero ? (dims[axis] ?? 0) : dim));
  const known = sizeOf(sizes.filter((dim) => dim !== -1));
  return { dims: sizes.map((dim) => (dim === -1 ? data.length / known : dim)), data };
}

function foldFlatten(reader: NodeReader): Folded {
  const { dims, data } = reader.constant(0);
  const axis = reader.integer('axis', 1);
  const at = axis < 0 ? axis + dims.length : axis;
  return { dims: [sizeOf(dims.slice(0, at)), sizeOf(dims.slice(at))], data };
}

function foldTranspose(reader: NodeReader): Folded {
  const { dims, data } = reader.constant(0);
  const order = reader.integers('perm') ?? dims.map((_, axis) => dims.length - 1 - axis);
  const isOrder =
    order.length === dims.length && order.toSorted((a, b) => a - b).every((axis, index) => axis === index);
  reader.require(
    isOrder,
    () => `attribute "perm" must order ${dims.length} axes: current value is [${order.join(', ')}]`,
  );
  const to = order.map((axis) => dims[axis] ?? 0);
  const strides = dims.map((_, axis) => sizeOf(dims.slice(axis + 1)));
  const steps = order.map((axis) => strides[axis] ?? 0);
  const result = data.slice();
  const at = to.map(() => 0);
  let from = 0;
  for (let i = 0; i < data.length; i += 1) {
    result[i] = data[from] as never;
    for (let axis = to.length - 1; axis >= 0; axis -= 1) {
      const size = to[axis] ?? 1;
      const step = steps[axis] ?? 0;
      at[axis] = (at[axis] ?? 0) + 1;
      from += step;
      if ((at[axis] ?? 0) < size) break;
      from -= step * size;
      at[axis] = 0;
    }
  }
  return { dims: to, data: result };
}

/** Entries of a list of whole numbers, such as a shape. */
function foldGather(reader: NodeReader): Folded {
  const { dims, data } = reader.constant(0);
  const wanted = reader.integersAt(1);
  reader.require(
    dims.length === 1 && data instanceof BigInt64Array,
    () => 'its input must be a list of int64',
  );
  reader.requireInteger('axis', 0, 0);
  const found = wanted.map((index) => data.at(index));
  reader.require(
    !found.includes(undefined),
    () => `its indices must be below ${data.length}: they are [${wanted.join(', ')}]`,
  );
  return { dims: reader.constant(1).dims, data: BigInt64Array.from(found as bigint[]) };
}

/** Lists of whole numbers, such as parts of a shape. */
function foldConcat(reader: NodeReader): Folded {
  const parts = reader.node.inputs.map((_, index) => reader.constant(index));
  const lists = parts.flatMap(({ dims, data }) =>
    dims.length === 1 && data instanceof BigInt64Array ? [data] : [],
  );
  reader.require(lists.length === parts.length, () => 'its constants must be lists of int64');
  const all = lists.flatMap((list) => [...list]);
  return { dims: [all.length], data: BigInt64Array.from(all) };
}

/** Axes are an attribute before operator set 13, an input since. */
function axesOf(reader: NodeReader): number[] | undefined {
  return reader.has(1) ? reader.integersAt(1) : reader.integers('axes');
}

/** The dimensions, the batch among them, without those of size 1 that the node names. */
export function squeezeDims(reader: NodeReader, dims: readonly number[]): number[] {
  const axes = axesOf(reader)?.map((axis) => (axis < 0 ? axis + dims.length : axis));
  const gone = axes ?? dims.flatMap((dim, axis) => (dim === 1 ? [axis] : []));
  reader.require(
    gone.every((axis) => dims[axis] === 1),
    () => `the axes [${gone.join(', ')}] must have size 1: its input is [${dims.join(', ')}]`,
  );
  return dims.filter((_, axis) => !gone.includes(axis));
}

/** The dimensions, the batch among them, with new ones of size 1 where the node names them. */
export function unsqueezeDims(reader: NodeReader, dims: readonly number[]): number[] {
  const axes = axesOf(reader) ?? [];
  const rank = dims.length + axes.length;
  const added = new Set(axes.map((axis) => (axis < 0 ? axis + rank : axis)));
  const rest = [...dims];
  return Array.from({ length: rank }, (_, axis) => (added.has(axis) ? 1 : (rest.shift() ?? 0)));
}
