import { z } from 'zod';
import type { OnnxAttribute, OnnxModel, OnnxTensor } from './model.ts';
import { attributeType, dataType, modelProto, typeName } from './schema.ts';

/** The decoded message as plain objects: 64-bit integers as strings, bytes as Uint8Array. */
const tensor = z.object({
  name: z.string(),
  dims: z.array(z.string()),
  dataType: z.number(),
  floatData: z.array(z.number()),
  int32Data: z.array(z.number()),
  int64Data: z.array(z.string()),
  doubleData: z.array(z.number()),
  dataLocation: z.number(),
  rawData: z.instanceof(Uint8Array),
});
const attribute = z.object({
  name: z.string(),
  type: z.number(),
  f: z.number(),
  i: z.string(),
  s: z.instanceof(Uint8Array),
  floats: z.array(z.number()),
  ints: z.array(z.string()),
  t: tensor.nullish(),
});
const dim = z.object({ dimValue: z.string().optional(), dimParam: z.string().optional() });
// A value may have no type, no tensor (a sequence, a map) or no shape.
const value = z.object({
  name: z.string(),
  type: z
    .object({
      tensorType: z
        .object({ elemType: z.number(), shape: z.object({ dim: z.array(dim) }).nullish() })
        .nullish(),
    })
    .nullish(),
});
const modelMessage = z.object({
  opsetImport: z.array(z.object({ domain: z.string(), version: z.string() })),
  graph: z.object({
    name: z.string(),
    node: z.array(
      z.object({
        name: z.string(),
        opType: z.string(),
        domain: z.string(),
        input: z.array(z.string()),
        output: z.array(z.string()),
        attribute: z.array(attribute),
      }),
    ),
    initializer: z.array(tensor),
    input: z.array(value),
    output: z.array(value),
  }),
});

function decodeAttribute(found: z.infer<typeof attribute>): OnnxAttribute | undefined {
  switch (found.type) {
    case attributeType.INT:
      return { type: 'INT', value: Number(found.i) };
    case attributeType.INTS:
      return { type: 'INTS', value: found.ints.map(Number) };
    case attributeType.FLOAT:
      return { type: 'FLOAT', value: found.f };
    case attributeType.FLOATS:
      return { type: 'FLOATS', value: found.floats };
    case attributeType.STRING:
      return { type: 'STRING', value: Buffer.from(found.s).toString('utf8') };
    case attributeType.TENSOR:
      return found.t ? { type: 'TENSOR', value: decodeTensor(found.t) } : undefined;
    default:
      return undefined;
  }
}

/** TensorProto.DataLocation. */
const external = 1;

/** Doubles are rounded to float32, int32 become int64: exporters use both for what is float32 or a shape in the end. */
function numbersOf(found: z.infer<typeof tensor>, raw: ArrayBuffer | undefined): OnnxTensor['data'] {
  try {
    switch (found.dataType) {
      case dataType.float32:
        return raw ? new Float32Array(raw) : Float32Array.from(found.floatData);
      case dataType.double:
        return Float32Array.from(raw ? new Float64Array(raw) : found.doubleData);
      case dataType.int64:
        return raw ? new BigInt64Array(raw) : BigInt64Array.from(found.int64Data, BigInt);
      case dataType.int32:
        return BigInt64Array.from(raw ? new Int32Array(raw) : found.int32Data, BigInt);
    }
  } catch (error) {
    throw new RangeError(
      `Cannot read tensor "${found.name}" as its bytes must be whole numbers of type ${typeName(found.dataType)}: there are ${raw?.byteLength}`,
      { cause: error },
    );
  }
  throw new RangeError(
    `Cannot read tensor "${found.name}" as its type must be float32 or int64: current value is ${typeName(found.dataType)}; convert the model to float32`,
  );
}

function decodeTensor(found: z.infer<typeof tensor>): OnnxTensor {
  const dims = found.dims.map(Number);
  const size = dims.reduce((product, dim) => product * dim, 1);
  // A copy of its own, because the raw bytes stand at any offset of the file.
  const raw = found.rawData.length > 0 ? Uint8Array.from(found.rawData).buffer : undefined;
  if (found.dataLocation === external)
    throw new RangeError(
      `Cannot read tensor "${found.name}" as its numbers must be in the model's file: they are in another one (external data); save the model as one file`,
    );
  const data = numbersOf(found, raw);
  if (data.length !== size)
    throw new RangeError(
      `Cannot read tensor "${found.name}" as it must hold ${size} numbers: current value is ${data.length}`,
    );
  return { name: found.name, dims, data };
}

function decodeValue(found: z.infer<typeof value>): OnnxModel['inputs'][number] {
  const { name, type } = found;
  if (type && !type.tensorType)
    throw new RangeError(
      `Cannot read value "${name}" as it must be a tensor; export the model without sequences and maps`,
    );
  const elemType = type?.tensorType?.elemType || dataType.float32;
  if (elemType !== dataType.float32)
    throw new RangeError(
      `Cannot read value "${name}" as its type must be float32: current value is ${typeName(elemType)}; convert the model to float32`,
    );
  const dims = type?.tensorType?.shape?.dim;
  return {
    name,
    ...(dims ? { shape: dims.map((entry) => entry.dimParam || Number(entry.dimValue ?? 0)) } : {}),
  };
}

/**
 * Reads an ONNX file. Attributes of kinds that `OnnxAttribute` lacks are left out; initializers that are listed as inputs too
 * (as before IR version 4) are inputs no more.
 *
 * @throws Error where the bytes are no ONNX model, or a tensor is neither float32 nor int64.
 */
export function decodeModel(bytes: Uint8Array): OnnxModel {
  let plain: unknown;
  try {
    plain = modelProto.toObject(modelProto.decode(bytes), {
      longs: String,
      defaults: true,
      arrays: true,
      oneofs: false,
    });
  } catch (error) {
    throw new Error('Cannot read the model as it must be an ONNX file', { cause: error });
  }
  const result = modelMessage.safeParse(plain);
  if (!result.success)
    throw new Error('Cannot read the model as it must be an ONNX file', { cause: result.error });
  const { graph, opsetImport } = result.data;
  const initializers = graph.initializer.map(decodeTensor);
  const constants = new Set(initializers.map((entry) => entry.name));
  return {
    opset: Number(
      opsetImport.find((entry) => entry.domain === '' || entry.domain === 'ai.onnx')?.version ?? 0,
    ),
    name: graph.name,
    inputs: graph.input.filter((entry) => !constants.has(entry.name)).map(decodeValue),
    outputs: graph.output.map(decodeValue),
    initializers,
    nodes: graph.node.map((node) => ({
      name: node.name,
      opType: node.opType,
      ...(node.domain ? { domain: node.domain } : {}),
      inputs: node.input,
      outputs: node.output,
      attributes: Object.fromEntries(
        node.attribute.flatMap((found) => {
          const decoded = decodeAttribute(found);
          return decoded ? [[found.name, decoded]] : [];
        }),
      ),
    })),
  };
}
