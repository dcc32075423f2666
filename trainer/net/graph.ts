/**
 * A net as a list of nodes in the order of execution: the one description that training, counting and export walk.
 * Every node's output has a name; `from` names the outputs it reads; `input` is the net's input.
 *
 * A *stream* is a set of channels that always live and die together: a convolution's output and all that is computed from it
 * channel by channel (norm, activation, the sum of a residual block and its shortcut) belong to one stream.
 */
export type ConvNode = {
  kind: 'conv';
  name: string;
  from: string;
  /** Streams that the input channels come from and the output channels belong to; the image is the stream `input`. */
  inStream: string;
  outStream: string;
  inChannels: number;
  outChannels: number;
  /** Height and width of the kernel; weights are stored `[height, width, in, out]`. No bias: a norm follows. */
  kernel: [number, number];
  /** Same in both directions. Padding is TensorFlow's "same". */
  stride: number;
  /** Whether `element` masks may prune its weights (the stem stays dense). */
  maskable: boolean;
  /** Height and width of the output, for counting multiply-accumulates. */
  outSize: [number, number];
};

export type NormNode = { kind: 'norm'; name: string; from: string; stream: string; channels: number };
export type ReluNode = { kind: 'relu'; name: string; from: string; stream: string };
export type AddNode = { kind: 'add'; name: string; from: [string, string]; stream: string };
/** Mean over height and width: `[batch, height, width, channels]` to `[batch, channels]`. */
export type PoolNode = { kind: 'pool'; name: string; from: string; stream: string };
/** The classifier: weights `[in, out]` and a bias, dense at every level, shared by all levels. */
export type DenseNode = {
  kind: 'dense';
  name: string;
  from: string;
  inStream: string;
  inFeatures: number;
  outFeatures: number;
};

export type NetNode = ConvNode | NormNode | ReluNode | AddNode | PoolNode | DenseNode;

export type NetGraph = {
  /** E.g. `resnet8`. */
  name: string;
  /** Height, width, channels of one image. */
  input: [number, number, number];
  classes: number;
  nodes: NetNode[];
  /** Name of the node whose output is the logits, `[batch, classes]`. */
  output: string;
};
