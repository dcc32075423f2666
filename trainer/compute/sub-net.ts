import {
  add,
  batchNorm,
  conv2d,
  depthwiseConv2d,
  engine,
  matMul,
  mean as meanOf,
  mul,
  ones,
  relu,
  reshape,
  sum,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  type Tensor4D,
  tensor1d,
  tensor2d,
  tensor4d,
  tidy,
} from '@tensorflow/tfjs-core';
import { normBackward, normForward, reluBackward } from '../backend/norm.ts';
import { type ConvNode, type NetGraph, readsVectors } from '../net/graph.ts';
import { kernelShape, layoutOf, type ParameterLayout, type WeightSlot } from '../net/parameters.ts';
import { crossEntropy } from './cross-entropy.ts';

/** What one pass over the net needs; weights are masked already. */
export type PassInput = {
  /** The shared vector, see `ParameterLayout`. */
  weights: Float32Array;
  /** The level's own scales and biases. */
  affine: Float32Array;
  /** `[count, height, width, channels]`, normalised. */
  inputs: Float32Array;
  count: number;
};

export type GradientResult = {
  /** Gradients of the summed loss, times `lossScale`, in the layout of the parameters. */
  weights: Float32Array;
  affine: Float32Array;
  /** Means, then variances, of the norms' inputs on these images. */
  statistics: Float32Array;
  /** Sum of the images' losses, not scaled. */
  loss: number;
  correct: number;
};

/** Walks one net forwards and backwards on tfjs's current back end. It holds no tensor between calls. */
export type SubNet = {
  readonly layout: ParameterLayout;
  /** Trains: norms use the images' own statistics. */
  gradients(input: PassInput & { labels: Uint16Array; lossScale: number }): GradientResult;
  /** The norms' statistics on these images, as training would use them: means, then variances. */
  statistics(input: PassInput): Float32Array;
  /** Infers with running statistics: `[count, classes]`. */
  logits(input: PassInput & { statistics: Float32Array }): Float32Array;
};

type Forward = {
  values: Map<string, Tensor>;
  kernels: Map<string, Tensor>;
  norms: Map<string, { scale: Tensor1D; mean: Tensor1D; variance: Tensor1D }>;
};

/** Where running statistics are given, norms use them; otherwise the images' own. */
function forward(
  graph: NetGraph,
  layout: ParameterLayout,
  input: PassInput & { statistics?: Float32Array },
  epsilon: number,
): Forward {
  const values = new Map<string, Tensor>();
  const kernels = new Map<string, Tensor>();
  const norms: Forward['norms'] = new Map();
  const { affine, statistics } = input;
  const at = <T extends Tensor>(name: string) => get(values, name) as T;
  const weights = (node: string, part: WeightSlot['part']) => {
    const slot = slotOf(layout, node, part);
    return input.weights.subarray(slot.offset, slot.offset + slot.size);
  };
  const [height, width, channels] = graph.input;
  values.set(
    'input',
    readsVectors(graph)
      ? tensor2d(input.inputs, [input.count, height * width * channels])
      : tensor4d(input.inputs, [input.count, height, width, channels]),
  );
  for (const node of graph.nodes) {
    if (node.kind === 'conv') {
      const kernel = tensor4d(weights(node.name, 'weights'), kernelShape(node));
      kernels.set(node.name, kernel);
      const convolve = node.depthwise ? depthwiseConv2d : conv2d;
      values.set(node.name, convolve(at<Tensor4D>(node.from), kernel, node.stride, 'same'));
    } else if (node.kind === 'norm') {
      const slot = find(layout.norms, (norm) => norm.node === node.name);
      const channels = (vector: Float32Array, half: 0 | 1) => {
        const start = slot.offset + half * layout.channelCount;
        return tensor1d(vector.subarray(start, start + slot.channels));
      };
      const from = at(node.from);
      const x = asImages(from);
      const scale = channels(affine, 0);
      const bias = channels(affine, 1);
      if (statistics) {
        const mean = channels(statistics, 0);
        const variance = channels(statistics, 1);
        values.set(node.name, reshape(batchNorm(x, mean, variance, bias, scale, epsilon), from.shape));
      } else {
        const { y, mean, variance } = normForward(x, scale, bias, epsilon);
        values.set(node.name, reshape(y, from.shape));
        norms.set(node.name, { scale, mean, variance });
      }
    } else if (node.kind === 'relu') values.set(node.name, relu(at(node.from)));
    else if (node.kind === 'add') values.set(node.name, add(at(node.from[0]), at(node.from[1])));
    else if (node.kind === 'pool') values.set(node.name, meanOf(at(node.from), [1, 2]));
    else {
      const kernel = tensor2d(weights(node.name, 'weights'), [node.inFeatures, node.outFeatures]);
      kernels.set(node.name, kernel);
      const product = matMul(at<Tensor2D>(node.from), kernel);
      values.set(node.name, node.bias ? add(product, tensor1d(weights(node.name, 'bias'))) : product);
    }
  }
  return { values, kernels, norms };
}

export function createSubNet(graph: NetGraph, epsilon: number): SubNet {
  const layout = layoutOf(graph);

  function backward(pass: Forward, logitsGradient: Float32Array, result: GradientResult): void {
    const at = <T extends Tensor>(name: string) => get(pass.values, name) as T;
    const gradients = new Map<string, Tensor>();
    const accumulate = (name: string, gradient: Tensor) => {
      const held = gradients.get(name);
      gradients.set(name, held ? add(held, gradient) : gradient);
    };
    const store = (node: string, part: WeightSlot['part'], gradient: Tensor) =>
      result.weights.set(gradient.dataSync<'float32'>(), slotOf(layout, node, part).offset);
    const shape = at<Tensor2D>(graph.output).shape;
    gradients.set(graph.output, tensor2d(logitsGradient, shape));
    for (const node of graph.nodes.toReversed()) {
      const dy = get(gradients, node.name);
      if (node.kind === 'dense') {
        store(node.name, 'weights', matMul(at<Tensor2D>(node.from), dy as Tensor2D, true, false));
        if (node.bias) store(node.name, 'bias', sum(dy, 0));
        if (node.from === 'input') continue;
        accumulate(node.from, matMul(dy as Tensor2D, get(pass.kernels, node.name) as Tensor2D, false, true));
      } else if (node.kind === 'pool') {
        const [count, height, width, channels] = at<Tensor4D>(node.from).shape;
        const share = reshape(mul(dy, 1 / (height * width)), [count, 1, 1, channels]);
        accumulate(node.from, mul(share, ones([1, height, width, 1])));
      } else if (node.kind === 'add') for (const name of node.from) accumulate(name, dy);
      else if (node.kind === 'relu')
        accumulate(node.from, reshape(reluBackward(asImages(at(node.name)), asImages(dy)), dy.shape));
      else if (node.kind === 'norm') {
        const { scale, mean, variance } = get(pass.norms, node.name);
        const x = asImages(at(node.from));
        const { dx, dScale, dBias } = normBackward(x, asImages(dy), scale, mean, variance, epsilon);
        const { offset } = find(layout.norms, (norm) => norm.node === node.name);
        result.affine.set(dScale.dataSync<'float32'>(), offset);
        result.affine.set(dBias.dataSync<'float32'>(), offset + layout.channelCount);
        accumulate(node.from, reshape(dx, dy.shape));
      } else {
        const x = at<Tensor4D>(node.from);
        const kernel = get(pass.kernels, node.name) as Tensor4D;
        store(node.name, 'weights', filterGradient(x, dy as Tensor4D, kernel, node));
        if (node.from !== 'input') accumulate(node.from, inputGradient(x, dy as Tensor4D, kernel, node));
      }
    }
  }

  function readStatistics(pass: Forward): Float32Array {
    const statistics = new Float32Array(2 * layout.channelCount);
    for (const { node, offset } of layout.norms) {
      const { mean, variance } = get(pass.norms, node);
      statistics.set(mean.dataSync<'float32'>(), offset);
      statistics.set(variance.dataSync<'float32'>(), offset + layout.channelCount);
    }
    return statistics;
  }

  return {
    layout,
    gradients: (input) =>
      withoutTensors(() => {
        const pass = forward(graph, layout, input, epsilon);
        const logits = get(pass.values, graph.output).dataSync<'float32'>();
        const { loss, correct, gradient } = crossEntropy(logits, input.labels, input.lossScale);
        const result: GradientResult = {
          weights: new Float32Array(layout.weightCount),
          affine: new Float32Array(2 * layout.channelCount),
          statistics: readStatistics(pass),
          loss,
          correct,
        };
        backward(pass, gradient, result);
        return result;
      }),
    statistics: (input) => withoutTensors(() => readStatistics(forward(graph, layout, input, epsilon))),
    logits: (input) =>
      withoutTensors(() =>
        get(forward(graph, layout, input, epsilon).values, graph.output).dataSync<'float32'>(),
      ),
  };
}

/** A vector is an image of one pixel. */
function asImages(value: Tensor): Tensor4D {
  if (value.rank === 4) return value as Tensor4D;
  return reshape(value, [-1, 1, 1, value.size / (value.shape[0] ?? 1)]);
}

function filterGradient(x: Tensor4D, dy: Tensor4D, kernel: Tensor4D, node: ConvNode): Tensor {
  const attrs = { ...convAttrs(node), filterShape: kernel.shape };
  const name = node.depthwise ? 'DepthwiseConv2dNativeBackpropFilter' : 'Conv2DBackpropFilter';
  return engine().runKernel(name, { x, dy }, attrs) as Tensor;
}

function inputGradient(x: Tensor4D, dy: Tensor4D, kernel: Tensor4D, node: ConvNode): Tensor {
  const attrs = { ...convAttrs(node), inputShape: x.shape };
  const name = node.depthwise ? 'DepthwiseConv2dNativeBackpropInput' : 'Conv2DBackpropInput';
  return engine().runKernel(name, { dy, filter: kernel }, attrs) as Tensor;
}

function convAttrs(node: ConvNode) {
  return { strides: [node.stride, node.stride], dilations: [1, 1], pad: 'same', dataFormat: 'NHWC' };
}

/** Runs `work` and disposes every tensor it made. */
function withoutTensors<T>(work: () => T): T {
  let result: { value: T } | undefined;
  tidy(() => {
    result = { value: work() };
  });
  if (!result) throw new Error('tidy() did not run its function');
  return result.value;
}

function slotOf(layout: ParameterLayout, node: string, part: WeightSlot['part']): WeightSlot {
  return find(layout.weights, (slot) => slot.node.name === node && slot.part === part);
}

function find<T>(values: T[], matches: (value: T) => boolean): T {
  const value = values.find(matches);
  if (value === undefined) throw new Error('Cannot walk the net as a node has no parameters in its layout');
  return value;
}

function get<T>(map: Map<string, T>, name: string): T {
  const value = map.get(name);
  if (value === undefined)
    throw new Error(`Cannot walk the net as "${name}" must be computed before it is read`);
  return value;
}
