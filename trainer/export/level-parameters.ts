import type { ConvNode, DenseNode } from '../net/graph.ts';
import type { NormParameters, TrainedNet } from '../net/trained-net.ts';
import type { KeptChannels } from './channel-order.ts';

/** The arrays of one level as they are exported, by node. */
export type LevelParameters = {
  /** `[out, in, height, width]`; a depthwise convolution's `in` is 1. */
  convs: Map<string, { dims: [number, number, number, number]; data: Float32Array }>;
  norms: Map<string, NormParameters>;
  /** `[in, out]`, and `[out]` where there is a bias. */
  denses: Map<string, { dims: [number, number]; data: Float32Array; bias: Float32Array | undefined }>;
};

/**
 * What one level keeps of the latent weights: at element granularity the same sizes with zeros where the mask is 0, at channel granularity
 * physically smaller arrays. Every weight that is kept has the latent weight's bits.
 *
 * @param kept of `orderChannels`; empty maps at element granularity.
 */
export function takeLevel(net: TrainedNet, index: number, kept: KeptChannels): LevelParameters {
  const level = net.levels[index];
  const channelsOf = (stream: string, count: number) =>
    kept[index].get(stream) ?? Uint32Array.from({ length: count }, (_, c) => c);
  const parameters: LevelParameters = { convs: new Map(), norms: new Map(), denses: new Map() };
  for (const node of net.graph.nodes) {
    switch (node.kind) {
      case 'conv': {
        const ins = node.depthwise ? Uint32Array.of(0) : channelsOf(node.inStream, node.inChannels);
        const outs = channelsOf(node.outStream, node.outChannels);
        const weights = find(net.weights, node.name, 'weights');
        parameters.convs.set(node.name, takeConv(node, weights, level.masks.get(node.name), ins, outs));
        break;
      }
      case 'norm': {
        const outs = channelsOf(node.stream, node.channels);
        const { scale, bias, mean, variance } = find(level.norms, node.name, 'norm parameters');
        parameters.norms.set(node.name, {
          scale: take(scale, outs),
          bias: take(bias, outs),
          mean: take(mean, outs),
          variance: take(variance, outs),
        });
        break;
      }
      case 'dense': {
        const weights = find(net.weights, node.name, 'weights');
        const ins = channelsOf(node.inStream, node.inFeatures);
        const outs = channelsOf(node.outStream, node.outFeatures);
        const bias = node.bias ? Float32Array.from(find(net.biases, node.name, 'bias')) : undefined;
        parameters.denses.set(node.name, {
          ...takeDense(node, weights, level.masks.get(node.name), ins, outs),
          bias,
        });
        break;
      }
      case 'relu':
      case 'add':
      case 'pool':
        break;
    }
  }
  return parameters;
}

/** `[height, width, in, out]` to `[out, in, height, width]`, chosen channels alone, zero where the mask is 0. */
function takeConv(
  node: ConvNode,
  weights: Float32Array,
  mask: Uint8Array | undefined,
  ins: Uint32Array,
  outs: Uint32Array,
): { dims: [number, number, number, number]; data: Float32Array } {
  const [height, width] = node.kernel;
  const inChannels = node.depthwise ? 1 : node.inChannels;
  const size = height * width * inChannels * node.outChannels;
  if (weights.length !== size || (mask !== undefined && mask.length !== size))
    throw new Error(
      `Cannot export "${node.name}" as its weights and mask must hold ${size} numbers: current values are ${weights.length} and ${mask?.length ?? 'no mask'}`,
    );
  const data = new Float32Array(height * width * ins.length * outs.length);
  let to = 0;
  for (const out of outs) {
    for (const input of ins) {
      for (let tap = 0; tap < height * width; tap += 1, to += 1) {
        const from = (tap * inChannels + input) * node.outChannels + out;
        if (mask === undefined || mask[from] !== 0) data[to] = weights[from];
      }
    }
  }
  return { dims: [outs.length, ins.length, height, width], data };
}

function takeDense(
  node: DenseNode,
  weights: Float32Array,
  mask: Uint8Array | undefined,
  ins: Uint32Array,
  outs: Uint32Array,
): { dims: [number, number]; data: Float32Array } {
  const data = new Float32Array(ins.length * outs.length);
  let to = 0;
  for (const input of ins)
    for (const out of outs) {
      const from = input * node.outFeatures + out;
      if (mask === undefined || mask[from] !== 0) data[to] = weights[from];
      to += 1;
    }
  return { dims: [ins.length, outs.length], data };
}

function take(values: Float32Array, indices: Uint32Array): Float32Array {
  return Float32Array.from(indices, (index) => values[index]);
}

function find<T>(map: Map<string, T>, name: string, what: string): T {
  const value = map.get(name);
  if (value === undefined) throw new Error(`Cannot export "${name}" as it must have ${what}: it has none`);
  return value;
}
