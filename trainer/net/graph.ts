/**
 * A net as a list of nodes in the order of execution: the one description that training, counting and export walk.
 * Every node's output has a name; `from` names the outputs it reads; `input` is the net's input.
 *
 * A *stream* is a set of channels that always live and die together: a convolution's output and all that is computed from it
 * channel by channel (norm, activation, depthwise convolution, the sum of a residual block and its shortcut) belong to one stream.
 */
export type ConvNode = {
  kind: 'conv';
  name: string;
  from: string;
  /** Streams that the input channels come from and the output channels belong to; the net's input is the stream `input`. */
  inStream: string;
  outStream: string;
  inChannels: number;
  outChannels: number;
  /** Height and width of the kernel; weights are stored `[height, width, in, out]`. No bias: a norm follows. */
  kernel: [number, number];
  /** Same in both directions. Padding is TensorFlow's "same". */
  stride: number;
  /** One filter a channel: weights `[height, width, channels, 1]`, and both streams are the same. */
  depthwise: boolean;
  /** Whether masks of single weights may prune it (the stem and depthwise convolutions stay dense). */
  maskable: boolean;
  /** Height and width of the output, for counting multiply-accumulates. */
  outSize: [number, number];
};

/** Over all dimensions but the last. */
export type NormNode = { kind: 'norm'; name: string; from: string; stream: string; channels: number };
export type ReluNode = { kind: 'relu'; name: string; from: string; stream: string };
export type AddNode = { kind: 'add'; name: string; from: [string, string]; stream: string };
/** Mean over height and width: `[batch, height, width, channels]` to `[batch, channels]`. */
export type PoolNode = { kind: 'pool'; name: string; from: string; stream: string };
/** A matrix product `[batch, in]` to `[batch, out]`: weights `[in, out]`. */
export type DenseNode = {
  kind: 'dense';
  name: string;
  from: string;
  inStream: string;
  outStream: string;
  inFeatures: number;
  outFeatures: number;
  /** The classifier has a bias, shared by all levels; a hidden layer has none: a norm follows. */
  bias: boolean;
  /** The classifier stays dense. */
  maskable: boolean;
};

export type NetNode = ConvNode | NormNode | ReluNode | AddNode | PoolNode | DenseNode;

export type NetGraph = {
  /** E.g. `resnet8`. */
  name: string;
  /** Height, width, channels of one sample; a sensor vector is 1, 1, features, and its nodes compute on `[batch, features]`. */
  input: [number, number, number];
  classes: number;
  nodes: NetNode[];
  /** Name of the node whose output is the logits, `[batch, classes]`. */
  output: string;
};

/** Whether the net reads vectors: its first node that computes on the input is a matrix product. */
export function readsVectors(graph: NetGraph): boolean {
  return graph.nodes.some((node) => node.kind === 'dense' && node.from === 'input');
}
