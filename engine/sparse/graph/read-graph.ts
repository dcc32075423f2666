import type { OnnxModel, OnnxTensor } from '../../../bundle/onnx/model.ts';
import { foldConstant } from './fold-constants.ts';
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
  readCast,
  readConcat,
  readDropout,
  readFlatten,
  readIdentity,
  readPad,
  readReshape,
  readSqueeze,
  readTranspose,
  readUnsqueeze,
} from './read-layout.ts';
import { readAveragePool, readGlobalAveragePool, readMaxPool, readReduceMean } from './read-pools.ts';
import { readConv, readGemm, readMatMul } from './read-products.ts';
import { UnsupportedModelError } from './unsupported-model.ts';

/** By ONNX operator, of the default operator set. */
const readers = new Map<string, (reader: NodeReader) => GraphNode>([
  ['Add', readAdd],
  ['AveragePool', readAveragePool],
  ['BatchNormalization', readBatchNormalization],
  ['Cast', readCast],
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
  ['Squeeze', readSqueeze],
  ['Transpose', readTranspose],
  ['Unsqueeze', readUnsqueeze],
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
  const stated = input.shape?.[0];
  const batch = typeof stated === 'number' && stated > 0 ? stated : undefined;
  const values = new Map([[from.name, from]]);
  const constants = new Map<string, OnnxTensor>(model.initializers.map((tensor) => [tensor.name, tensor]));
  const nodes: GraphNode[] = [];
  for (const node of model.nodes) {
    const reader = new NodeReader({ node, opset: model.opset, batch, values, constants });
    const folded = foldConstant(reader);
    if (folded !== undefined) {
      constants.set(folded.name, folded);
      continue;
    }
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

function inputShape(name: string, dims: (number | string)[] | undefined): Shape {
  if (dims === undefined)
    throw new UnsupportedModelError(
      `Cannot run "${name}" in the sparse engine as its input must have a shape: it has none; export the model with shapes, or use the engine "ort"`,
    );
  const [batch, ...shape] = dims;
  const isShape = shape.every((dim) => Number.isInteger(dim) && Number(dim) >= 1);
  if (batch === undefined || !isShape || (shape.length !== 1 && shape.length !== 3))
    throw new UnsupportedModelError(
      `Cannot run "${name}" in the sparse engine as its input must be [batch, features] or [batch, channels, height, width]: it is [${[batch, ...shape].join(', ')}]; use the engine "ort"`,
    );
  return shape as Shape;
}
