import type { AddNode, ConvNode, NetGraph, NetNode, NormNode, ReluNode } from './graph.ts';

export type NetOptions = {
  /** Height, width, channels of one image. */
  input: [number, number, number];
  classes: number;
  /** Multiplies the channels of every stage. Default 1. */
  width?: number;
};

/**
 * ResNet-8 of MLPerf Tiny (Banbury et al. 2021, "MLPerf Tiny Benchmark"; He et al. 2016): a 3x3 stem, three residual blocks of
 * 16, 32 and 64 channels, mean over the image, one dense layer. The shortcuts of blocks 2 and 3 are 1x1 convolutions of
 * stride 2, with a norm of their own.
 */
export function resnet8(options: NetOptions): NetGraph {
  const { width = 1 } = options;
  const [rows, columns, channels] = options.input;
  const stages = [16, 32, 64].map((count) => Math.max(1, Math.round(count * width)));
  const nodes: NetNode[] = [];
  let size: [number, number] = [rows, columns];

  function conv(
    name: string,
    from: string,
    streams: [string, string],
    inOut: [number, number],
    kernel: number,
    stride: number,
    outSize: [number, number],
  ): string {
    const node: ConvNode = {
      kind: 'conv',
      name,
      from,
      inStream: streams[0],
      outStream: streams[1],
      inChannels: inOut[0],
      outChannels: inOut[1],
      kernel: [kernel, kernel],
      stride,
      maskable: name !== 'stem.conv',
      outSize,
    };
    nodes.push(node);
    return name;
  }
  function norm(name: string, from: string, stream: string, count: number): string {
    const node: NormNode = { kind: 'norm', name, from, stream, channels: count };
    nodes.push(node);
    return name;
  }
  function relu(name: string, from: string, stream: string): string {
    const node: ReluNode = { kind: 'relu', name, from, stream };
    nodes.push(node);
    return name;
  }

  conv('stem.conv', 'input', ['input', 'stage1'], [channels, stages[0]], 3, 1, size);
  norm('stem.norm', 'stem.conv', 'stage1', stages[0]);
  let trunk = relu('stem.relu', 'stem.norm', 'stage1');
  let trunkStream = 'stage1';
  let trunkChannels = stages[0];

  stages.forEach((count, index) => {
    const block = `block${index + 1}`;
    const stream = `stage${index + 1}`;
    const stride = index === 0 ? 1 : 2;
    size = [Math.ceil(size[0] / stride), Math.ceil(size[1] / stride)];
    conv(`${block}.conv1`, trunk, [trunkStream, block], [trunkChannels, count], 3, stride, size);
    norm(`${block}.norm1`, `${block}.conv1`, block, count);
    relu(`${block}.relu1`, `${block}.norm1`, block);
    conv(`${block}.conv2`, `${block}.relu1`, [block, stream], [count, count], 3, 1, size);
    const main = norm(`${block}.norm2`, `${block}.conv2`, stream, count);
    let shortcut = trunk;
    if (index > 0) {
      conv(`${block}.shortcut`, trunk, [trunkStream, stream], [trunkChannels, count], 1, stride, size);
      shortcut = norm(`${block}.shortcut.norm`, `${block}.shortcut`, stream, count);
    }
    const sum: AddNode = { kind: 'add', name: `${block}.add`, from: [main, shortcut], stream };
    nodes.push(sum);
    trunk = relu(`${block}.relu2`, `${block}.add`, stream);
    trunkStream = stream;
    trunkChannels = count;
  });

  nodes.push({ kind: 'pool', name: 'pool', from: trunk, stream: trunkStream });
  nodes.push({
    kind: 'dense',
    name: 'dense',
    from: 'pool',
    inStream: trunkStream,
    inFeatures: trunkChannels,
    outFeatures: options.classes,
  });
  return {
    name: width === 1 ? 'resnet8' : `resnet8-w${width}`,
    input: options.input,
    classes: options.classes,
    nodes,
    output: 'dense',
  };
}
