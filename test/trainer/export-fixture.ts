import { channelStatistics, type DataSet, type Split } from '../../trainer/data/data-set.ts';
import type { ConvNode, NetGraph, NetNode } from '../../trainer/net/graph.ts';
import type { NormParameters, TrainedLevel, TrainedNet } from '../../trainer/net/trained-net.ts';
import { drawNumbers } from '../tiny-bundle.ts';

/** A residual net of one plain and one strided block: every kind of node, streams shared by an addition, 3 x 3 and 1 x 1 at stride 2. */
export function smallGraph(height: number, width: number, channels = 2, classes = 3): NetGraph {
  const nodes: NetNode[] = [];
  let size: [number, number] = [height, width];
  const conv = (
    name: string,
    from: string,
    [inStream, inChannels]: [string, number],
    [outStream, outChannels]: [string, number],
    [kernel, stride]: [number, number],
    inSize: [number, number],
  ): [number, number] => {
    const outSize: [number, number] = [Math.ceil(inSize[0] / stride), Math.ceil(inSize[1] / stride)];
    const node: ConvNode = {
      kind: 'conv',
      name,
      from,
      inStream,
      outStream,
      inChannels,
      outChannels,
      kernel: [kernel, kernel],
      stride,
      depthwise: false,
      maskable: name !== 'stem',
      outSize,
    };
    nodes.push(node, {
      kind: 'norm',
      name: `${name}.norm`,
      from: name,
      stream: outStream,
      channels: outChannels,
    });
    return outSize;
  };
  const relu = (name: string, from: string, stream: string) =>
    nodes.push({ kind: 'relu', name, from, stream });

  size = conv('stem', 'input', ['input', channels], ['s0', 6], [3, 1], size);
  relu('stem.relu', 'stem.norm', 's0');
  conv('a1', 'stem.relu', ['s0', 6], ['a', 5], [3, 1], size);
  relu('a1.relu', 'a1.norm', 'a');
  conv('a2', 'a1.relu', ['a', 5], ['s0', 6], [3, 1], size);
  nodes.push({ kind: 'add', name: 'a.add', from: ['a2.norm', 'stem.relu'], stream: 's0' });
  relu('a.relu', 'a.add', 's0');
  const small = conv('b1', 'a.relu', ['s0', 6], ['b', 7], [3, 2], size);
  relu('b1.relu', 'b1.norm', 'b');
  conv('b2', 'b1.relu', ['b', 7], ['s1', 8], [3, 1], small);
  conv('b.short', 'a.relu', ['s0', 6], ['s1', 8], [1, 2], size);
  nodes.push({ kind: 'add', name: 'b.add', from: ['b2.norm', 'b.short.norm'], stream: 's1' });
  relu('b.relu', 'b.add', 's1');
  nodes.push({ kind: 'pool', name: 'pool', from: 'b.relu', stream: 's1' });
  nodes.push({
    kind: 'dense',
    name: 'head',
    from: 'pool',
    inStream: 's1',
    outStream: 'logits',
    inFeatures: 8,
    outFeatures: classes,
    bias: true,
    maskable: false,
  });
  return { name: 'small', input: [height, width, channels], classes, nodes, output: 'head' };
}

/** A net with random weights and random nested masks: level 0 keeps all, each further level about half of the one before. */
export function randomNet(graph: NetGraph, granularity: 'element' | 'channel', seed: number): TrainedNet {
  let next = seed;
  const draw = (count: number) => {
    next += 1;
    return drawNumbers(count, next);
  };
  const weights = new Map<string, Float32Array>();
  const biases = new Map<string, Float32Array>();
  for (const node of graph.nodes) {
    if (node.kind === 'conv')
      weights.set(node.name, draw(node.kernel[0] * node.kernel[1] * node.inChannels * node.outChannels));
    if (node.kind === 'dense') {
      weights.set(node.name, draw(node.inFeatures * node.outFeatures));
      biases.set(node.name, draw(node.outFeatures));
    }
  }
  const levels: TrainedLevel[] = [];
  for (const target of [0, 0.5, 0.75]) {
    const previous = levels.at(-1);
    const thin = (size: number, outer: Uint8Array | undefined, keepOne: boolean) => {
      const numbers = draw(size);
      const mask = Uint8Array.from(numbers, (x, i) => (target === 0 || (outer?.[i] !== 0 && x > 0) ? 1 : 0));
      // Not the first channel, so that the order of channels matters.
      if (keepOne && !mask.includes(1)) mask[(outer ?? mask).lastIndexOf(1)] = 1;
      return mask;
    };
    const level: TrainedLevel = { target, masks: new Map(), channels: new Map(), norms: new Map() };
    for (const node of graph.nodes) {
      if (node.kind === 'norm') {
        const positive = (values: Float32Array) => values.map((x) => Math.abs(x) + 0.3);
        const norm: NormParameters = {
          scale: draw(node.channels),
          bias: draw(node.channels),
          mean: draw(node.channels),
          variance: positive(draw(node.channels)),
        };
        level.norms.set(node.name, norm);
      }
      if (node.kind !== 'conv') continue;
      if (granularity === 'element' && node.maskable)
        level.masks.set(
          node.name,
          thin(weights.get(node.name)!.length, previous?.masks.get(node.name), false),
        );
      if (granularity === 'channel' && !level.channels.has(node.outStream))
        level.channels.set(
          node.outStream,
          thin(node.outChannels, previous?.channels.get(node.outStream), true),
        );
    }
    levels.push(level);
  }
  return { graph, granularity, weights, biases, levels, normEpsilon: 1e-3 };
}

/** Random images with random labels of three classes, in the graph's shape. */
export function randomData(graph: NetGraph, count = 60): DataSet {
  const [height, width, channels] = graph.input;
  const split = (seed: number): Split => ({
    inputs: Uint8Array.from(drawNumbers(count * height * width * channels, seed), (x) => (x + 1) * 127),
    labels: Uint16Array.from({ length: count }, (_, i) => (i * 7) % 3),
    count,
  });
  const train = split(100);
  return {
    name: 'random',
    labels: ['a', 'b', 'c'],
    height,
    width,
    channels,
    train,
    test: split(101),
    ...channelStatistics(train, channels, 1 / 255),
    augment: { pad: 0, flip: false },
  };
}
