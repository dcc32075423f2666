import type { NetGraph } from '../../trainer/net/graph.ts';
import type { ParameterLayout } from '../../trainer/net/parameters.ts';
import { forEachProduct } from './for-each-product.ts';

/** What a pass reads, in float64. */
export type PlainInput = {
  weights: Float64Array;
  affine: Float64Array;
  inputs: ArrayLike<number>;
  labels: ArrayLike<number>;
  count: number;
};

type Value = { size: [number, number]; channels: number; data: Float64Array };

/** Walks a net forwards and backwards in plain float64 loops that share nothing with the product but the graph and its layout. */
export function plainPass(graph: NetGraph, layout: ParameterLayout, input: PlainInput, epsilon: number) {
  const { count, affine, labels } = input;
  const [height, width, channels] = graph.input;
  const values = new Map<string, Value>([
    ['input', { size: [height, width], channels, data: Float64Array.from(input.inputs) }],
  ]);
  const statistics = new Float64Array(2 * layout.channelCount);
  const at = (name: string) => values.get(name)!;
  const slotOf = (node: string, part: 'weights' | 'bias') =>
    layout.weights.find((slot) => slot.node.name === node && slot.part === part)!;
  const normOf = (node: string) => layout.norms.find((norm) => norm.node === node)!;

  for (const node of graph.nodes) {
    if (node.kind === 'conv') {
      const from = at(node.from);
      const { offset } = slotOf(node.name, 'weights');
      const data = new Float64Array(count * node.outSize[0] * node.outSize[1] * node.outChannels);
      forEachProduct(node, from.size, count, (x, w, y) => {
        data[y]! += from.data[x]! * input.weights[offset + w]!;
      });
      values.set(node.name, { size: node.outSize, channels: node.outChannels, data });
    } else if (node.kind === 'dense') {
      const from = at(node.from);
      const { offset } = slotOf(node.name, 'weights');
      const { inFeatures: ins, outFeatures: outs } = node;
      const data = new Float64Array(count * outs);
      for (let n = 0; n < count; n += 1)
        for (let o = 0; o < outs; o += 1) {
          data[n * outs + o] = node.bias ? input.weights[slotOf(node.name, 'bias').offset + o]! : 0;
          for (let i = 0; i < ins; i += 1)
            data[n * outs + o]! += from.data[n * ins + i]! * input.weights[offset + i * outs + o]!;
        }
      values.set(node.name, { size: [1, 1], channels: outs, data });
    } else if (node.kind === 'norm') {
      const from = at(node.from);
      const { offset } = normOf(node.name);
      const c = node.channels;
      const total = from.data.length / c;
      const mean = new Float64Array(c);
      const variance = new Float64Array(c);
      from.data.forEach((value, i) => {
        mean[i % c]! += value / total;
      });
      from.data.forEach((value, i) => {
        variance[i % c]! += (value - mean[i % c]!) ** 2 / total;
      });
      statistics.set(mean, offset);
      statistics.set(variance, layout.channelCount + offset);
      const data = from.data.map((value, i) => {
        const k = i % c;
        const scale = affine[offset + k]! / Math.sqrt(variance[k]! + epsilon);
        return (value - mean[k]!) * scale + affine[layout.channelCount + offset + k]!;
      });
      values.set(node.name, { ...from, data });
    } else if (node.kind === 'relu')
      values.set(node.name, {
        ...at(node.from),
        data: at(node.from).data.map((value) => Math.max(0, value)),
      });
    else if (node.kind === 'add') {
      const [a, b] = node.from.map(at) as [Value, Value];
      values.set(node.name, { ...a, data: a.data.map((value, i) => value + b.data[i]!) });
    } else {
      const from = at(node.from);
      const pixels = from.size[0] * from.size[1];
      const data = new Float64Array(count * from.channels);
      from.data.forEach((value, i) => {
        const n = Math.floor(i / (pixels * from.channels));
        data[n * from.channels + (i % from.channels)]! += value / pixels;
      });
      values.set(node.name, { size: [1, 1], channels: from.channels, data });
    }
  }

  const logits = at(graph.output).data;
  const classes = graph.classes;
  let loss = 0;
  const dLogits = new Float64Array(logits.length);
  for (let n = 0; n < count; n += 1) {
    const row = logits.subarray(n * classes, (n + 1) * classes);
    const sum = row.reduce((total, value) => total + Math.exp(value), 0);
    loss += Math.log(sum) - row[labels[n]!]!;
    row.forEach((value, k) => {
      dLogits[n * classes + k] = Math.exp(value) / sum - (k === labels[n] ? 1 : 0);
    });
  }

  const weights = new Float64Array(layout.weightCount);
  const dAffine = new Float64Array(affine.length);
  const gradients = new Map<string, Float64Array>([[graph.output, dLogits]]);
  const give = (name: string, gradient: Float64Array) => {
    const held = gradients.get(name);
    gradients.set(name, held ? held.map((value, i) => value + gradient[i]!) : gradient);
  };
  for (const node of graph.nodes.toReversed()) {
    const dy = gradients.get(node.name)!;
    if (node.kind === 'conv') {
      const from = at(node.from);
      const { offset } = slotOf(node.name, 'weights');
      const dx = new Float64Array(from.data.length);
      forEachProduct(node, from.size, count, (x, w, y) => {
        weights[offset + w]! += from.data[x]! * dy[y]!;
        dx[x]! += input.weights[offset + w]! * dy[y]!;
      });
      give(node.from, dx);
    } else if (node.kind === 'dense') {
      const from = at(node.from);
      const { offset } = slotOf(node.name, 'weights');
      const { inFeatures: ins, outFeatures: outs } = node;
      const dx = new Float64Array(from.data.length);
      for (let n = 0; n < count; n += 1)
        for (let o = 0; o < outs; o += 1) {
          const d = dy[n * outs + o]!;
          if (node.bias) weights[slotOf(node.name, 'bias').offset + o]! += d;
          for (let i = 0; i < ins; i += 1) {
            weights[offset + i * outs + o]! += from.data[n * ins + i]! * d;
            dx[n * ins + i]! += input.weights[offset + i * outs + o]! * d;
          }
        }
      give(node.from, dx);
    } else if (node.kind === 'norm') {
      const from = at(node.from);
      const { offset } = normOf(node.name);
      const c = node.channels;
      const total = from.data.length / c;
      const mean = statistics.subarray(offset, offset + c);
      const deviation = statistics
        .subarray(layout.channelCount + offset, layout.channelCount + offset + c)
        .map((variance) => Math.sqrt(variance + epsilon));
      const normalised = from.data.map((value, i) => (value - mean[i % c]!) / deviation[i % c]!);
      const dScale = dAffine.subarray(offset, offset + c);
      const dBias = dAffine.subarray(layout.channelCount + offset, layout.channelCount + offset + c);
      dy.forEach((value, i) => {
        dScale[i % c]! += value * normalised[i]!;
        dBias[i % c]! += value;
      });
      give(
        node.from,
        dy.map((value, i) => {
          const k = i % c;
          const centred = value - dBias[k]! / total - (normalised[i]! * dScale[k]!) / total;
          return (affine[offset + k]! / deviation[k]!) * centred;
        }),
      );
    } else if (node.kind === 'relu') {
      const y = at(node.name).data;
      give(
        node.from,
        dy.map((value, i) => (y[i]! > 0 ? value : 0)),
      );
    } else if (node.kind === 'add') for (const name of node.from) give(name, dy);
    else {
      const from = at(node.from);
      const pixels = from.size[0] * from.size[1];
      give(
        node.from,
        from.data.map((_, i) => {
          const n = Math.floor(i / (pixels * from.channels));
          return dy[n * from.channels + (i % from.channels)]! / pixels;
        }),
      );
    }
  }
  return { logits, loss, statistics, weights, affine: dAffine };
}
