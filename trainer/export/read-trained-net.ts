import { isDeepStrictEqual } from 'node:util';
import type { Manifest } from '../../bundle/manifest.ts';
import { decodeModel } from '../../bundle/onnx/decode-model.ts';
import type { OnnxModel, OnnxTensor } from '../../bundle/onnx/model.ts';
import type { Bundle } from '../../bundle/read-bundle.ts';
import { type Granularity, granularities } from '../ast/masks/mask-scheme.ts';
import type { ConvNode, DenseNode, NetGraph } from '../net/graph.ts';
import { netByName } from '../net/net-by-name.ts';
import { nets } from '../net/nets.ts';
import type { NormParameters, TrainedLevel, TrainedNet } from '../net/trained-net.ts';
import { orderChannels } from './channel-order.ts';
import { buildLevelModel } from './level-model.ts';
import { takeLevel } from './level-parameters.ts';

/** A level's tensors by name. */
type Tensors = Map<string, OnnxTensor>;

/**
 * Reads the trained net back from a bundle that was verified: the inverse of `encodeLevels`, which would write the same models again.
 *
 * What the bundle does not hold is filled in: a weight that no level keeps is 0 and belongs to no mask, a channel that a level does
 * not keep has a norm of scale 0, and a level's target is its measured sparsity.
 *
 * @throws Error where the bundle was not written by `ebb train`, its levels are not nested, or its net is not known.
 */
export function readTrainedNet({ dir, manifest, models }: Bundle): TrainedNet {
  const refuse = (requirement: string): never => {
    throw new Error(`Cannot read the net of bundle "${dir}" as ${requirement}`);
  };
  const { training } = manifest;
  if (!training)
    return refuse('it must say how it was trained: it says nothing; name a bundle that "ebb train" wrote');
  if (!manifest.nested)
    return refuse('its levels must be nested: they are not; name a bundle that "ebb train" wrote');
  const graph = netByName(training.net, {
    input: inputOf(manifest),
    classes: manifest.labels.length,
  });
  if (!graph)
    return refuse(
      `its net must be one of ${Object.keys(nets).join(', ')}: current value is "${training.net}"; use the ebb that trained it`,
    );
  const granularity = granularities.find((name) => name === training.granularity);
  if (!granularity)
    return refuse(
      `its granularity must be one of ${granularities.join(', ')}: current value is "${training.granularity}"; use the ebb that trained it`,
    );
  const decoded = models.map(decodeModel);
  let net: TrainedNet;
  try {
    net = assemble(graph, granularity, manifest, decoded);
  } catch (error) {
    return refuse(
      `its models must be those of net "${graph.name}": ${(error as Error).message}; train it again`,
    );
  }
  const kept = granularity === 'channel' ? orderChannels(net) : net.levels.map(() => new Map());
  for (const [index, model] of decoded.entries()) {
    const again = buildLevelModel(graph, takeLevel(net, index, kept), net.normEpsilon);
    const differing = again.initializers.find(
      (tensor, i) => !isDeepStrictEqual(tensor, model.initializers[i]),
    );
    if ((differing && !ownedByLevel(differing.name, graph)) || !isNested(net, index))
      return refuse(
        `its levels must be nested: level ${index} has weights that level 0 or ${Math.max(0, index - 1)} has not, or has otherwise; train it again`,
      );
    if (differing || !isDeepStrictEqual(again, model))
      return refuse(
        `its models must be as "ebb train" writes them: level ${index} differs; train it again, or use the ebb that trained it`,
      );
  }
  return net;
}

function inputOf({ input }: Manifest): [number, number, number] {
  const [, ...sizes] = input.shape;
  return input.layout === 'NC' ? [1, 1, sizes[0]] : [sizes[1], sizes[2], sizes[0]];
}

function assemble(
  graph: NetGraph,
  granularity: Granularity,
  manifest: Manifest,
  models: OnnxModel[],
): TrainedNet {
  const weights = new Map<string, Float32Array>();
  const biases = new Map<string, Float32Array>();
  const levels: TrainedLevel[] = [];
  for (const [index, model] of models.entries()) {
    const tensors: Tensors = new Map(model.initializers.map((tensor) => [tensor.name, tensor]));
    const level: TrainedLevel = {
      target: manifest.levels[index].sparsity,
      masks: new Map(),
      channels: new Map(),
      norms: new Map(),
    };
    for (const node of graph.nodes) {
      if (node.kind === 'norm') level.norms.set(node.name, takeNorm(tensors, node.name, node.channels));
      if (node.kind !== 'conv' && node.kind !== 'dense') continue;
      const { own, outs } = node.kind === 'conv' ? takeConv(tensors, node) : takeDense(tensors, node);
      if (index === 0) weights.set(node.name, own);
      if (index === 0 && node.kind === 'dense' && node.bias)
        biases.set(node.name, find(tensors, `${node.name}.bias`, [node.outFeatures]));
      // The sign of -0 tells it from a weight that a mask has pruned.
      if (granularity !== 'channel' && node.maskable)
        level.masks.set(
          node.name,
          Uint8Array.from(own, (weight) => (Object.is(weight, 0) ? 0 : 1)),
        );
      if (granularity === 'channel' && node.outStream !== 'logits' && !level.channels.has(node.outStream)) {
        const channels = node.kind === 'conv' ? node.outChannels : node.outFeatures;
        level.channels.set(node.outStream, new Uint8Array(channels).fill(1, 0, outs));
      }
    }
    levels.push(level);
  }
  return { graph, granularity, weights, biases, levels, normEpsilon: epsilonOf(models[0]) };
}

function epsilonOf({ nodes }: OnnxModel): number {
  const { epsilon } = nodes.find((node) => node.opType === 'BatchNormalization')?.attributes ?? {};
  if (epsilon?.type !== 'FLOAT') throw new Error('its norms have no epsilon');
  return epsilon.value;
}

/** Whether the level may differ from the others there: in its norms alone. */
function ownedByLevel(tensor: string, { nodes }: NetGraph): boolean {
  return nodes.some((node) => node.kind === 'norm' && tensor.startsWith(`${node.name}.`));
}

/** Whether the level keeps only weights that the next denser one keeps. */
function isNested({ levels }: TrainedNet, index: number): boolean {
  if (index === 0) return true;
  return [...levels[index].masks].every(([node, mask]) => {
    const outer = levels[index - 1].masks.get(node);
    return mask.every((keep, i) => keep === 0 || outer?.[i] === 1);
  });
}

/** `[out, in, height, width]`, which may be a leading slice, to the whole `[height, width, in, out]`; 0 where there is none. */
function takeConv(tensors: Tensors, node: ConvNode): { own: Float32Array; outs: number } {
  const [height, width] = node.kernel;
  const inChannels = node.depthwise ? 1 : node.inChannels;
  const { data, dims } = findWithin(tensors, `${node.name}.weight`, [
    node.outChannels,
    inChannels,
    height,
    width,
  ]);
  const [outs, ins] = dims;
  const taps = height * width;
  const own = new Float32Array(taps * inChannels * node.outChannels);
  for (let out = 0; out < outs; out += 1)
    for (let input = 0; input < ins; input += 1)
      for (let tap = 0; tap < taps; tap += 1)
        own[(tap * inChannels + input) * node.outChannels + out] = data[(out * ins + input) * taps + tap];
  return { own, outs };
}

function takeDense(tensors: Tensors, node: DenseNode): { own: Float32Array; outs: number } {
  const { data, dims } = findWithin(tensors, `${node.name}.weight`, [node.inFeatures, node.outFeatures]);
  const [ins, outs] = dims;
  const own = new Float32Array(node.inFeatures * node.outFeatures);
  for (let input = 0; input < ins; input += 1)
    own.set(data.subarray(input * outs, (input + 1) * outs), input * node.outFeatures);
  return { own, outs };
}

function takeNorm(tensors: Tensors, name: string, channels: number): NormParameters {
  const whole = (part: string, absent: number) => {
    const values = new Float32Array(channels).fill(absent);
    values.set(findWithin(tensors, `${name}.${part}`, [channels]).data);
    return values;
  };
  return {
    scale: whole('scale', 0),
    bias: whole('bias', 0),
    mean: whole('mean', 0),
    variance: whole('variance', 1),
  };
}

function find(tensors: Tensors, name: string, dims: number[]): Float32Array {
  const found = findWithin(tensors, name, dims);
  if (found.dims.some((size, i) => size !== dims[i]))
    throw new Error(`"${name}" is ${found.dims.join(' x ')} instead of ${dims.join(' x ')}`);
  return found.data;
}

function findWithin(tensors: Tensors, name: string, most: number[]): { dims: number[]; data: Float32Array } {
  const tensor = tensors.get(name);
  if (!tensor) throw new Error(`there is no "${name}"`);
  const { dims, data } = tensor;
  if (
    !(data instanceof Float32Array) ||
    dims.length !== most.length ||
    dims.some((size, i) => size > most[i])
  )
    throw new Error(`"${name}" is ${dims.join(' x ')} instead of at most ${most.join(' x ')}`);
  return { dims, data };
}
