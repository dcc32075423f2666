import protobuf from 'protobufjs';

/**
 * The messages and fields of onnx.proto3 that ebb reads and writes; unknown fields are skipped when read.
 * Source: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3 (field numbers are fixed by the format).
 */
const source = `
syntax = "proto3";
package onnx;

message AttributeProto {
  string name = 1;
  float f = 2;
  int64 i = 3;
  bytes s = 4;
  TensorProto t = 5;
  repeated float floats = 7;
  repeated int64 ints = 8;
  int32 type = 20;
}

message NodeProto {
  repeated string input = 1;
  repeated string output = 2;
  string name = 3;
  string op_type = 4;
  repeated AttributeProto attribute = 5;
  string domain = 7;
}

message TensorProto {
  repeated int64 dims = 1;
  int32 data_type = 2;
  repeated float float_data = 4;
  repeated int32 int32_data = 5;
  repeated int64 int64_data = 7;
  string name = 8;
  bytes raw_data = 9;
  repeated double double_data = 10;
  int32 data_location = 14;
}

message TensorShapeProto {
  message Dimension {
    oneof value {
      int64 dim_value = 1;
      string dim_param = 2;
    }
  }
  repeated Dimension dim = 1;
}

message TypeProto {
  message Tensor {
    int32 elem_type = 1;
    TensorShapeProto shape = 2;
  }
  oneof value {
    Tensor tensor_type = 1;
  }
}

message ValueInfoProto {
  string name = 1;
  TypeProto type = 2;
}

message GraphProto {
  repeated NodeProto node = 1;
  string name = 2;
  repeated TensorProto initializer = 5;
  repeated ValueInfoProto input = 11;
  repeated ValueInfoProto output = 12;
}

message OperatorSetIdProto {
  string domain = 1;
  int64 version = 2;
}

message ModelProto {
  int64 ir_version = 1;
  string producer_name = 2;
  string producer_version = 3;
  GraphProto graph = 7;
  repeated OperatorSetIdProto opset_import = 8;
}
`;

/** onnx.ModelProto. */
export const modelProto = protobuf.parse(source).root.lookupType('onnx.ModelProto');

/** TensorProto.DataType. */
export const dataType = { float32: 1, int32: 6, int64: 7, double: 11 } as const;

const typeNames = [
  'undefined float32 uint8 int8 uint16 int16 int32 int64 string bool float16 double uint32 uint64',
  'complex64 complex128 bfloat16 float8e4m3fn float8e4m3fnuz float8e5m2 float8e5m2fnuz uint4 int4 float4e2m1',
]
  .join(' ')
  .split(' ');

/** The name of a TensorProto.DataType. */
export function typeName(type: number): string {
  return typeNames[type] ?? `type ${type}`;
}

/** AttributeProto.AttributeType of the kinds that `OnnxAttribute` has. */
export const attributeType = { FLOAT: 1, INT: 2, STRING: 3, TENSOR: 4, FLOATS: 6, INTS: 7 } as const;

/** The format's version (2022, ONNX 1.13 and onnxruntime 1.14 or newer read it). */
export const irVersion = 8;
