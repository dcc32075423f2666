/**
 * A level's net as the sparse engine sees it: the operators that it runs, with constants inside their nodes.
 *
 * Shapes leave out the batch: an image is `[channels, height, width]`, a vector `[features]`. Every node has one output, and reads values
 * that earlier nodes computed.
 */
export type Graph = {
  input: Value;
  output: Value;
  nodes: GraphNode[];
};

export type Shape = [channels: number, height: number, width: number] | [features: number];

export type Value = { name: string; shape: Shape };

/** Vertical, then horizontal. */
export type Pair = [number, number];

export type Pads = { top: number; left: number; bottom: number; right: number };

export type Window = { kernel: Pair; stride: Pair; dilation: Pair; pads: Pads };

/** Elementwise, applied after all else in the node. */
export type Activation =
  | { kind: 'relu' }
  | { kind: 'clip'; min: number; max: number }
  | { kind: 'leaky-relu'; slope: number }
  | { kind: 'hard-swish' }
  | { kind: 'sigmoid' };

type Common = {
  /** The ONNX node's, for messages. */
  name: string;
  output: Value;
};

export type ConvNode = Common & {
  kind: 'conv';
  input: Value;
  window: Window;
  groups: number;
  /** `[outputs, inputs / groups, kernel height, kernel width]`. */
  weights: Float32Array;
  bias: Float32Array | undefined;
};

export type DenseNode = Common & {
  kind: 'dense';
  input: Value;
  /** `[outputs, inputs]`. */
  weights: Float32Array;
  bias: Float32Array | undefined;
};

/** `scale[c] * x + bias[c]` on each channel (or feature) c: a norm, or a constant that is added or multiplied. */
export type AffineNode = Common & { kind: 'affine'; input: Value; scale: Float32Array; bias: Float32Array };

export type ActivationNode = Common & { kind: 'activation'; input: Value; activation: Activation };

export type AddNode = Common & { kind: 'add'; inputs: [Value, Value] };

export type PoolNode = Common & {
  kind: 'pool';
  mode: 'max' | 'average';
  input: Value;
  window: Window;
  /** Whether an average divides by the whole window where it lies over the border. */
  countPads: boolean;
};

/** The mean of each channel. */
export type MeanNode = Common & { kind: 'mean'; input: Value };

/** Along channels, or features. */
export type ConcatNode = Common & { kind: 'concat'; inputs: Value[] };

export type PadNode = Common & { kind: 'pad'; input: Value; pads: Pads; value: number };

/** Over all numbers of a vector, or over the channels of each pixel. */
export type SoftmaxNode = Common & { kind: 'softmax'; input: Value };

/**
 * Gives an image another order: output dimension i is the input's `order[i]`.
 */
export type TransposeNode = Common & { kind: 'transpose'; input: Value; order: [number, number, number] };

/** The same numbers in the same (row-major) order under another shape. */
export type ReshapeNode = Common & { kind: 'reshape'; input: Value };

export type GraphNode =
  | ConvNode
  | DenseNode
  | AffineNode
  | ActivationNode
  | AddNode
  | PoolNode
  | MeanNode
  | ConcatNode
  | PadNode
  | SoftmaxNode
  | TransposeNode
  | ReshapeNode;

/** Numbers in a value. */
export function sizeOf({ shape }: Value): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** The values that a node reads. */
export function inputsOf(node: GraphNode): Value[] {
  return 'inputs' in node ? node.inputs : [node.input];
}
