import type { Random } from '../random.ts';
import type { ConvNode, DenseNode, NetGraph } from './graph.ts';

/** Where one tensor stands inside the flat vector of weights that all levels share. */
export type WeightSlot = {
  node: ConvNode | DenseNode;
  part: 'weights' | 'bias';
  offset: number;
  size: number;
  shape: number[];
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
  const addWeights = (node: ConvNode | DenseNode, part: WeightSlot['part'], shape: number[]) => {
    const size = shape.reduce((product, length) => product * length, 1);
    weights.push({ node, part, offset: weightCount, size, shape });
    weightCount += size;
  };
  for (const node of graph.nodes) {
    if (node.kind === 'conv')
      addWeights(node, 'weights', [...node.kernel, node.inChannels, node.outChannels]);
    if (node.kind === 'dense') {
      addWeights(node, 'weights', [node.inFeatures, node.outFeatures]);
      addWeights(node, 'bias', [node.outFeatures]);
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

/** The tensors that masks may prune. */
export function maskableSlots(layout: ParameterLayout): WeightSlot[] {
  return layout.weights.filter((slot) => slot.node.kind === 'conv' && slot.node.maskable);
}

/** He initialisation (He et al. 2015, fan-in, normal) of convolutions; the classifier's weights with variance 1 / fan-in; biases 0. */
export function initialWeights(layout: ParameterLayout, random: Random): Float32Array {
  const values = new Float32Array(layout.weightCount);
  for (const slot of layout.weights) {
    if (slot.part === 'bias') continue;
    const fanIn = slot.size / slot.shape[slot.shape.length - 1];
    const deviation = Math.sqrt((slot.node.kind === 'conv' ? 2 : 1) / fanIn);
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
