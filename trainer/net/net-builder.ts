import type { NetGraph, NetNode } from './graph.ts';

export type NetOptions = {
  /** Height, width, channels of one sample. */
  input: [number, number, number];
  classes: number;
  /** Multiplies the channels of every hidden layer. Default 1. */
  width?: number;
};

/** An output inside a net that is being built: its name, stream, channels, and height and width. */
export type Output = { name: string; stream: string; channels: number; size: [number, number] };

/** Puts a net together node by node, each reading an output that stands already. */
export type NetBuilder = {
  readonly input: Output;
  /** A count of channels times the width factor. */
  wide(channels: number): number;
  conv(
    name: string,
    from: Output,
    to: { stream: string; channels: number; kernel: number; stride: number; maskable: boolean },
  ): Output;
  depthwise(name: string, from: Output, shape: { kernel: number; stride: number }): Output;
  norm(name: string, from: Output): Output;
  relu(name: string, from: Output): Output;
  add(name: string, a: Output, b: Output): Output;
  pool(name: string, from: Output): Output;
  /** A hidden layer. */
  hidden(name: string, from: Output, to: { stream: string; channels: number }): Output;
  /** The classifier ends the net. */
  classifier(name: string, from: Output): NetGraph;
};

export function buildNet(name: string, options: NetOptions): NetBuilder {
  const { input, classes, width = 1 } = options;
  const nodes: NetNode[] = [];
  const strided = (size: [number, number], stride: number): [number, number] => [
    Math.ceil(size[0] / stride),
    Math.ceil(size[1] / stride),
  ];
  return {
    input: { name: 'input', stream: 'input', channels: input[2], size: [input[0], input[1]] },
    wide: (channels) => Math.max(1, Math.round(channels * width)),
    conv(node, from, { stream, channels, kernel, stride, maskable }) {
      const size = strided(from.size, stride);
      nodes.push({
        kind: 'conv',
        name: node,
        from: from.name,
        inStream: from.stream,
        outStream: stream,
        inChannels: from.channels,
        outChannels: channels,
        kernel: [kernel, kernel],
        stride,
        depthwise: false,
        maskable,
        outSize: size,
      });
      return { name: node, stream, channels, size };
    },
    depthwise(node, from, { kernel, stride }) {
      const size = strided(from.size, stride);
      nodes.push({
        kind: 'conv',
        name: node,
        from: from.name,
        inStream: from.stream,
        outStream: from.stream,
        inChannels: from.channels,
        outChannels: from.channels,
        kernel: [kernel, kernel],
        stride,
        depthwise: true,
        maskable: false,
        outSize: size,
      });
      return { ...from, name: node, size };
    },
    norm(node, from) {
      const { stream, channels } = from;
      nodes.push({ kind: 'norm', name: node, from: from.name, stream, channels });
      return { ...from, name: node };
    },
    relu(node, from) {
      nodes.push({ kind: 'relu', name: node, from: from.name, stream: from.stream });
      return { ...from, name: node };
    },
    add(node, a, b) {
      nodes.push({ kind: 'add', name: node, from: [a.name, b.name], stream: a.stream });
      return { ...a, name: node };
    },
    pool(node, from) {
      nodes.push({ kind: 'pool', name: node, from: from.name, stream: from.stream });
      return { ...from, name: node, size: [1, 1] };
    },
    hidden(node, from, { stream, channels }) {
      nodes.push({
        kind: 'dense',
        name: node,
        from: from.name,
        inStream: from.stream,
        outStream: stream,
        inFeatures: from.channels,
        outFeatures: channels,
        bias: false,
        maskable: true,
      });
      return { name: node, stream, channels, size: [1, 1] };
    },
    classifier(node, from) {
      nodes.push({
        kind: 'dense',
        name: node,
        from: from.name,
        inStream: from.stream,
        outStream: 'logits',
        inFeatures: from.channels,
        outFeatures: classes,
        bias: true,
        maskable: false,
      });
      return { name: width === 1 ? name : `${name}-w${width}`, input, classes, nodes, output: node };
    },
  };
}
