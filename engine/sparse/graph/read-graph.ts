import type { OnnxModel, OnnxTensor } from '../../../bundle/onnx/model.ts';
import type { Graph, GraphNode, Shape, Value } from './graph.ts';
import { NodeReader } from './node-reader.ts';
import {
  readAdd,
  readBatchNormalization,
  readClip,
  readHardSwish,
  readLeakyRelu,
  readMul,
  readRelu,
  readSigmoid,
  readSoftmax,
} from './read-elementwise.ts';
import {
  readConcat,
  readDropout,
  readFlatten,
  readIdentity,
  readPad,
  readReshape,
  readTranspose,
} from './read-layout.ts';
import { readAveragePool, readGlobalAveragePool, readMaxPool, readReduceMean } from './read-pools.ts';
import { readConv, readGemm, readMatMul } from './read-products.ts';
import { UnsupportedModelError } from './unsupported-model.ts';

/** By ONNX operator, of the default operator set. */
const readers = new Map<string, (reader: NodeReader) => GraphNode>([
  ['Add', readAdd],
  ['AveragePool', readAveragePool],
  ['BatchNormalization', readBatchNormalization],
  ['Clip', readClip],
  ['Concat', readConcat],
  ['Conv', readConv],
  ['Dropout', readDropout],
  ['Flatten', readFlatten],
  ['Gemm', readGemm],
  ['GlobalAveragePool', readGlobalAveragePool],
  ['HardSwish', readHardSwish],
  ['Identity', readIdentity],
  ['LeakyRelu', readLeakyRelu],
  ['MatMul', readMatMul],
  ['MaxPool', readMaxPool],
  ['Mul', readMul],
  ['Pad', readPad],
  ['ReduceMean', readReduceMean],
  ['Relu', readRelu],
  ['Reshape', readReshape],
  ['Sigmoid', readSigmoid],
  ['Softmax', readSoftmax],
  ['Transpose', readTranspose],
]);

/**
 * Reads a classifier's ONNX model (operator semantics: https://onnx.ai/onnx/operators).
 * @throws UnsupportedModelError where a node, its attributes or shapes are beyond the sparse engine; it names them.
 */
export function readGraph(model: OnnxModel): Graph {
  const [input, ...otherInputs] = model.inputs;
  const [output, ...otherOutputs] = model.outputs;
  if (input === undefined || output === undefined || otherInputs.length > 0 || otherOutputs.length > 0)
    throw new UnsupportedModelError(
      `Cannot run "${model.name}" in the sparse engine as it must have one input and one output: it has ${model.inputs.length} and ${model.outputs.length}; use the engine "ort"`,
    );
  const from: Value = { name: input.name, shape: inputShape(model.name, input.shape) };
  const values = new Map([[from.name, from]]);
  const constants = new Map<string, OnnxTensor>(model.initializers.map((tensor) => [tensor.name, tensor]));
  const nodes: GraphNode[] = [];
  for (const node of model.nodes) {
    if (node.opType === 'Constant') {
      addConstant(new NodeReader({ node, opset: model.opset, values, constants }), constants);
      continue;
    }
    const reader = new NodeReader({ node, opset: model.opset, values, constants });
    const isStandard = !node.domain || node.domain === 'ai.onnx';
    const read = isStandard ? readers.get(node.opType) : undefined;
    if (read === undefined)
      throw reader.unsupported(`its operator must be one of ${[...readers.keys()].join(', ')}`);
    const found = read(reader);
    reader.require(
      !values.has(found.output.name),
      () => `its output "${found.output.name}" must be computed once`,
    );
    values.set(found.output.name, found.output);
    nodes.push(found);
  }
  const result = values.get(output.name);
  if (result === undefined)
    throw new UnsupportedModelError(
      `Cannot run "${model.name}" in the sparse engine as its output "${output.name}" must be computed by a node; use the engine "ort"`,
    );
  return { input: from, output: result, nodes };
}

function inputShape(name: string, [batch, ...shape]: (number | string)[]): Shape {
  const isShape = shape.every((dim) => Number.isInteger(dim) && Number(dim) >= 1);
  if (batch === undefined || !isShape || (shape.length !== 1 && shape.length !== 3))
    throw new UnsupportedModelError(
      `Cannot run "${name}" in the sparse engine as its input must be [batch, features] or [batch, channels, height, width]: it is [${[batch, ...shape].join(', ')}]; use the engine "ort"`,
    );
  return shape as Shape;
}

function addConstant(reader: NodeReader, constants: Map<string, OnnxTensor>): void {
  const { name } = reader.output([1]);
  const value = reader.node.attributes.value;
  if (value?.type !== 'TENSOR') throw reader.unsupported('it must have the attribute "value"');
  constants.set(name, { ...value.value, name });
}
