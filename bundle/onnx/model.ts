/** A dense tensor: float32 weights or int64 shapes. */
export type OnnxTensor = {
  name: string;
  dims: number[];
  data: Float32Array | BigInt64Array;
};

export type OnnxAttribute =
  | { type: 'INT'; value: number }
  | { type: 'INTS'; value: number[] }
  | { type: 'FLOAT'; value: number }
  | { type: 'FLOATS'; value: number[] }
  | { type: 'STRING'; value: string }
  | { type: 'TENSOR'; value: OnnxTensor };

export type OnnxNode = {
  name: string;
  /** Of the operator; absent or empty: the default set. */
  domain?: string;
  opType: string;
  inputs: string[];
  outputs: string[];
  attributes: Record<string, OnnxAttribute>;
};

/** A float32 input or output; a dimension that is a string is dynamic. Exporters may leave out the shape. */
export type OnnxValue = { name: string; shape?: (number | string)[] };

/** The part of an ONNX model that classifiers need (onnx.proto3, ModelProto). */
export type OnnxModel = {
  /** Version of the default operator set. */
  opset: number;
  name: string;
  inputs: OnnxValue[];
  outputs: OnnxValue[];
  initializers: OnnxTensor[];
  nodes: OnnxNode[];
};
