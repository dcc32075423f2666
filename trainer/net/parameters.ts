import type { Random } from '../random.ts';
import type { ConvNode, DenseNode, NetGraph } from './graph.ts';

/**
 * Where one tensor stands inside the flat vector of weights that all levels share. Weight `i` of it connects input channel
 * `floor(i / outChannels) % inChannels` with output channel `i % outChannels`; a depthwise filter reads no other channel than the one it
 * writes, so that its `inChannels` is 1 and it has no `inStream`.
 */
export type WeightSlot = {
  node: ConvNode | DenseNode;
  part: 'weights' | 'bias';
  offset: number;
  size: number;
  shape: number[];
  inStream: string | undefined;
  outStream: string;
  inChannels: number;
  outChannels: number;
  /** Places of the output that each weight is used at: its multiply-accumulates for one sample. */
  positions: number;
  /** Whether masks of single weights may prune it. */
  maskable: boolean;
};

/** Where one norm's channels stand inside a level's vectors. */
export type NormSlot = { node: string; stream: string; offset: number; channels: number };

/**
 * The layout of a net's parameters as flat vectors. The shared vector holds every weight and bias. A level's own vectors are
 * `affine` (all scales, then all biases) and `statistics` (all means, then all variances), each `2 * channelCount` long.
 */
export type ParameterLayout = {
  weights: WeightSlot[];
  weightCount: number;
  norms: NormSlot[];
  channelCount: number;
};

export function layoutOf(graph: NetGraph): ParameterLayout {
  const weights: WeightSlot[] = [];
  const norms: NormSlot[] = [];
  let weightCount = 0;
  let channelCount = 0;
  const addWeights = (slot: Omit<WeightSlot, 'offset' | 'size'>) => {
    const size = slot.shape.reduce((product, length) => product * length, 1);
    weights.push({ ...slot, offset: weightCount, size });
    weightCount += size;
  };
  for (const node of graph.nodes) {
    if (node.kind === 'conv')
      addWeights({
        node,
        part: 'weights',
        shape: kernelShape(node),
        inStream: node.depthwise ? undefined : node.inStream,
        outStream: node.outStream,
        inChannels: node.depthwise ? 1 : node.inChannels,
        outChannels: node.outChannels,
        positions: node.outSize[0] * node.outSize[1],
        maskable: node.maskable,
      });
    if (node.kind === 'dense') {
      const { inStream, outStream, inFeatures: inChannels, outFeatures: outChannels, maskable } = node;
      const streams = { inStream, outStream, inChannels, outChannels, positions: 1 };
      addWeights({ node, part: 'weights', shape: [inChannels, outChannels], ...streams, maskable });
      if (node.bias)
        addWeights({ node, part: 'bias', shape: [outChannels], ...streams, maskable: false, positions: 0 });
    }
    if (node.kind === 'norm') {
      norms.push({
        node: node.name,
        stream: node.stream,
        offset: channelCount,
        channels: node.channels,
      });
      channelCount += node.channels;
    }
  }
  return { weights, weightCount, norms, channelCount };
}

/** `[height, width, in, out]`; `[height, width, channels, 1]` of a depthwise convolution. */
export function kernelShape(node: ConvNode): [number, number, number, number] {
  return [...node.kernel, node.inChannels, node.depthwise ? 1 : node.outChannels];
}

/** The tensors that masks of single weights may prune. */
export function maskableSlots(layout: ParameterLayout): WeightSlot[] {
  return layout.weights.filter((slot) => slot.maskable);
}

/** He initialisation (He et al. 2015, fan-in, normal) before an activation; the classifier's weights with variance 1 / fan-in; biases 0. */
export function initialWeights(layout: ParameterLayout, random: Random): Float32Array {
  const values = new Float32Array(layout.weightCount);
  for (const slot of layout.weights) {
    if (slot.part === 'bias') continue;
    const fanIn = slot.size / slot.outChannels;
    const isClassifier = slot.node.kind === 'dense' && slot.node.bias;
    const deviation = Math.sqrt((isClassifier ? 1 : 2) / fanIn);
    for (let i = 0; i < slot.size; i += 1) values[slot.offset + i] = random.normal() * deviation;
  }
  return values;
}

/** Scales 1 and biases 0; or variances 1 and means 0 for `statistics`. */
export function initialNorms(layout: ParameterLayout): { affine: Float32Array; statistics: Float32Array } {
  const { channelCount } = layout;
  return {
    affine: new Float32Array(2 * channelCount).fill(1, 0, channelCount),
    statistics: new Float32Array(2 * channelCount).fill(1, channelCount),
  };
}
