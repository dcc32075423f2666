import type { OnnxAttribute, OnnxModel, OnnxTensor, OnnxValue } from './model.ts';
import { attributeType, dataType, irVersion, modelProto } from './schema.ts';

function encodeTensor({ name, dims, data }: OnnxTensor) {
  const size = dims.reduce((product, dim) => product * dim, 1);
  if (size !== data.length)
    throw new RangeError(
      `Cannot encode tensor "${name}" as it must hold ${size} numbers: current value is ${data.length}`,
    );
  return {
    name,
    dims,
    dataType: data instanceof Float32Array ? dataType.float32 : dataType.int64,
    // Little-endian by the format, as is every machine that Node runs on except s390x, which ebb does not serve.
    rawData: new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
  };
}

function encodeAttribute(name: string, attribute: OnnxAttribute) {
  const common = { name, type: attributeType[attribute.type] };
  switch (attribute.type) {
    case 'INT':
      return { ...common, i: attribute.value };
    case 'INTS':
      return { ...common, ints: attribute.value };
    case 'FLOAT':
      return { ...common, f: attribute.value };
    case 'FLOATS':
      return { ...common, floats: attribute.value };
    case 'STRING':
      return { ...common, s: Buffer.from(attribute.value, 'utf8') };
    case 'TENSOR':
      return { ...common, t: encodeTensor(attribute.value) };
  }
}

function encodeValue({ name, shape }: OnnxValue) {
  const dim = shape?.map((size) => (typeof size === 'string' ? { dimParam: size } : { dimValue: size }));
  return { name, type: { tensorType: { elemType: dataType.float32, ...(dim ? { shape: { dim } } : {}) } } };
}

/** Serializes a model as an ONNX file. @throws RangeError where a tensor's data does not fill its dimensions. */
export function encodeModel(model: OnnxModel): Uint8Array {
  const message = modelProto.fromObject({
    irVersion,
    producerName: 'ebb',
    opsetImport: [{ domain: '', version: model.opset }],
    graph: {
      name: model.name,
      node: model.nodes.map((node) => ({
        name: node.name,
        opType: node.opType,
        domain: node.domain ?? '',
        input: node.inputs,
        output: node.outputs,
        attribute: Object.entries(node.attributes).map(([name, attribute]) =>
          encodeAttribute(name, attribute),
        ),
      })),
      initializer: model.initializers.map(encodeTensor),
      input: model.inputs.map(encodeValue),
      output: model.outputs.map(encodeValue),
    },
  });
  return modelProto.encode(message).finish();
}
