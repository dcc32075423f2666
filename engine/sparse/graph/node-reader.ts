import type { OnnxNode, OnnxTensor } from '../../../bundle/onnx/model.ts';
import type { Shape, Value } from './graph.ts';
import { UnsupportedModelError } from './unsupported-model.ts';

type AttributeValues = { INT: number; FLOAT: number; INTS: number[]; STRING: string };

/**
 * What the reader of an operator sees of its node: typed attributes, values computed earlier, constants.
 * Whatever the sparse engine cannot take ends in an `UnsupportedModelError` that names node, operator and attribute.
 */
export class NodeReader {
  readonly node: OnnxNode;
  readonly opset: number;
  /** The batch that the model was exported for; undefined if it is dynamic. */
  readonly batch: number | undefined;
  readonly #values: ReadonlyMap<string, Value>;
  readonly #constants: ReadonlyMap<string, OnnxTensor>;

  constructor(options: {
    node: OnnxNode;
    opset: number;
    batch?: number | undefined;
    values: ReadonlyMap<string, Value>;
    constants: ReadonlyMap<string, OnnxTensor>;
  }) {
    this.node = options.node;
    this.opset = options.opset;
    this.batch = options.batch;
    this.#values = options.values;
    this.#constants = options.constants;
  }

  get name(): string {
    return this.node.name || this.node.outputs[0] || this.node.opType;
  }

  /** @param requirement what must hold, as in "attribute "axis" must be 1: current value is 2". */
  unsupported(requirement: string): UnsupportedModelError {
    const { opType } = this.node;
    return new UnsupportedModelError(
      `Cannot run node "${this.name}" (${opType}) in the sparse engine as ${requirement}; use the engine "ort"`,
    );
  }

  require(condition: boolean, requirement: () => string): void {
    if (!condition) throw this.unsupported(requirement());
  }

  has(index: number): boolean {
    return Boolean(this.node.inputs[index]);
  }

  isConstant(index: number): boolean {
    return this.#constants.has(this.node.inputs[index] ?? '');
  }

  /** An input that is computed. */
  value(index: number): Value {
    const name = this.node.inputs[index] ?? '';
    const value = this.#values.get(name);
    if (value === undefined)
      throw this.unsupported(`input ${index} ("${name}") must be computed by an earlier node`);
    return value;
  }

  image(index: number): Value & { shape: [number, number, number] } {
    const { name, shape } = this.value(index);
    if (shape.length !== 3) throw this.unsupported(`input ${index} must be [batch, channels, height, width]`);
    return { name, shape };
  }

  vector(index: number): Value & { shape: [number] } {
    const { name, shape } = this.value(index);
    if (shape.length !== 1) throw this.unsupported(`input ${index} must be [batch, features]`);
    return { name, shape };
  }

  isComputed(index: number): boolean {
    return this.#values.has(this.node.inputs[index] ?? '');
  }

  /** An input that is known when the model is opened. */
  constant(index: number): OnnxTensor {
    const name = this.node.inputs[index] ?? '';
    const tensor = this.#constants.get(name);
    if (tensor === undefined) throw this.unsupported(`input ${index} ("${name}") must be a constant`);
    return tensor;
  }

  floats(index: number): { dims: number[]; data: Float32Array } {
    const { name, dims, data } = this.constant(index);
    if (!(data instanceof Float32Array)) throw this.unsupported(`"${name}" must be float32`);
    const size = dims.reduce((product, dim) => product * dim, 1);
    if (size !== data.length || dims.some((dim) => dim < 0))
      throw this.unsupported(
        `"${name}" must hold as many numbers as its shape says, [${dims.join(', ')}]: it holds ${data.length}`,
      );
    return { dims, data };
  }

  /** A constant of one number for each of `size` channels. */
  floatsOf(index: number, size: number): Float32Array {
    const { data } = this.floats(index);
    this.require(
      data.length === size,
      () => `input ${index} must hold ${size} numbers: current value is ${data.length}`,
    );
    return data;
  }

  scalar(index: number): number {
    return this.floatsOf(index, 1)[0] ?? Number.NaN;
  }

  integersAt(index: number): number[] {
    const { name, data } = this.constant(index);
    if (!(data instanceof BigInt64Array)) throw this.unsupported(`"${name}" must be int64`);
    return Array.from(data, Number);
  }

  #attribute<Type extends keyof AttributeValues>(
    name: string,
    type: Type,
  ): AttributeValues[Type] | undefined {
    const attribute = this.node.attributes[name];
    if (attribute === undefined) return undefined;
    if (attribute.type !== type)
      throw this.unsupported(
        `attribute "${name}" must be of type ${type}: current value is of type ${attribute.type}`,
      );
    return attribute.value as AttributeValues[Type];
  }

  integer(name: string, standard: number): number {
    return this.#attribute(name, 'INT') ?? standard;
  }

  float(name: string, standard: number): number {
    return this.#attribute(name, 'FLOAT') ?? standard;
  }

  integers(name: string): number[] | undefined {
    return this.#attribute(name, 'INTS');
  }

  text(name: string, standard: string): string {
    return this.#attribute(name, 'STRING') ?? standard;
  }

  /** The attribute must be what the engine takes for granted. */
  requireInteger(name: string, standard: number, only: number): void {
    const value = this.integer(name, standard);
    this.require(value === only, () => `attribute "${name}" must be ${only}: current value is ${value}`);
  }

  /** An axis as ONNX counts it (the batch is 0, negative ones count from the end), as it is without the batch. */
  axis(value: number, shape: Shape): number {
    const rank = shape.length + 1;
    const axis = value < 0 ? value + rank : value;
    this.require(
      Number.isInteger(axis) && axis >= 1 && axis < rank,
      () => `axis must be 1 to ${rank - 1}: current value is ${value}`,
    );
    return axis - 1;
  }

  output(shape: Shape): Value {
    const [name, ...others] = this.node.outputs;
    if (!name) throw this.unsupported('it must have an output');
    this.require(
      !others.some(Boolean),
      () => `it must have one output: current value is ${this.node.outputs.length}`,
    );
    const size = shape.reduce((product, dim) => product * dim, 1);
    this.require(
      shape.every((dim) => Number.isInteger(dim) && dim >= 1) && size <= largestValue,
      () => `its output must hold 1 to ${largestValue} numbers: its shape is [${shape.join(', ')}]`,
    );
    return { name, shape };
  }
}

/** Numbers in one value: 256 MB. */
const largestValue = 2 ** 26;
