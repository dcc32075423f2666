import type { ConvNode, NetGraph } from '../net/graph.ts';
import type { ParameterLayout } from '../net/parameters.ts';
import type { Masks } from './masks.ts';

/** By stream: 1 where a channel is kept. The image's stream, `input`, is not named: it is whole. */
export type ChannelMask = Map<string, Uint8Array>;

/**
 * Channels go in blocks, because engines pad them to the width of their SIMD registers (onnxruntime's NCHWc: 8 with AVX2, 16 with
 * AVX-512): 9 channels cost as much as 16 and compute less. Half of a small stream is a block. Where no such block is left, channels
 * go by the smallest block, and no stream is left with less than that.
 */
const largestBlock = 16;
const smallestBlock = 4;
const blockSizes = [
  (channels: number) => Math.min(largestBlock, Math.max(smallestBlock, channels / 2)),
  () => smallestBlock,
];

/** Channels of one stream that go together. */
type ChannelBlock = { stream: string; channels: number[]; score: number };

/**
 * Whole channels, ranked over all streams by the norm of their weights: the root mean square of all convolution weights that
 * write or read the channel, divided by the stream's mean so that streams are comparable. One order of
 * removal serves all levels, so a sparser level's channels are a subset of every denser one's.
 *
 * @param sparsities share of the maskable weights to be absent, one for each level, densest first.
 * @returns for each level the channels whose absence comes nearest to its sparsity.
 */
export function rankedChannelMasks(
  graph: NetGraph,
  layout: ParameterLayout,
  weights: Float32Array,
  sparsities: number[],
): ChannelMask[] {
  const convs = graph.nodes.filter((node): node is ConvNode => node.kind === 'conv');
  const kept = wholeStreams(convs);
  const counts = new Map([...kept].map(([stream, mask]) => [stream, mask.length]));
  const order = removalOrder(convs, layout, weights);
  const count = (stream: string, whole: number) => counts.get(stream) ?? whole;
  const maskableWeights = () =>
    convs.reduce((sum, conv) => {
      if (!conv.maskable) return sum;
      const [height, width] = conv.kernel;
      const inChannels = count(conv.inStream, conv.inChannels);
      return sum + height * width * inChannels * count(conv.outStream, conv.outChannels);
    }, 0);
  const total = maskableWeights();
  let next = 0;
  return sparsities.map((sparsity) => {
    for (; next < order.length; next += 1) {
      const { stream, channels } = order[next];
      const left = count(stream, 0);
      const error = Math.abs(1 - maskableWeights() / total - sparsity);
      counts.set(stream, left - channels.length);
      if (Math.abs(1 - maskableWeights() / total - sparsity) >= error) {
        counts.set(stream, left);
        break;
      }
      for (const channel of channels) kept.get(stream)?.fill(0, channel, channel + 1);
    }
    return new Map([...kept].map(([stream, mask]) => [stream, mask.slice()]));
  });
}

function wholeStreams(convs: ConvNode[]): ChannelMask {
  return new Map(convs.map((conv) => [conv.outStream, new Uint8Array(conv.outChannels).fill(1)]));
}

/** Blocks of every stream's channels in the order in which they go; ties by the streams' order in the net. */
function removalOrder(convs: ConvNode[], layout: ParameterLayout, weights: Float32Array): ChannelBlock[] {
  const ranked = [...channelScores(convs, layout, weights)].map(([stream, scores]) => ({
    stream,
    scores,
    // Those that stay, the least of all first.
    left: Array.from(scores.keys()).sort((a, b) => scores[a] - scores[b]),
  }));
  return blockSizes.flatMap((sizeFor) =>
    ranked
      .flatMap(({ stream, scores, left }) => {
        const blocks: ChannelBlock[] = [];
        const size = Math.floor(sizeFor(scores.length));
        while (left.length > size) {
          // The first fills up to a whole number of blocks.
          const channels = left.splice(0, left.length % size || size);
          const sum = channels.reduce((total, channel) => total + scores[channel], 0);
          blocks.push({ stream, channels, score: sum / channels.length });
        }
        return blocks;
      })
      .sort((a, b) => a.score - b.score),
  );
}

/** By stream: each channel's norm over the stream's mean. */
function channelScores(
  convs: ConvNode[],
  layout: ParameterLayout,
  weights: Float32Array,
): Map<string, number[]> {
  const sums = new Map<string, { squares: Float64Array; perChannel: number }>();
  for (const conv of convs)
    sums.set(conv.outStream, { squares: new Float64Array(conv.outChannels), perChannel: 0 });
  for (const { node, offset, size } of layout.weights) {
    if (node.kind !== 'conv') continue;
    const written = sums.get(node.outStream);
    const read = sums.get(node.inStream);
    if (written) written.perChannel += size / node.outChannels;
    if (read) read.perChannel += size / node.inChannels;
    for (let i = 0; i < size; i += 1) {
      const square = weights[offset + i] ** 2;
      if (written) written.squares[i % node.outChannels] += square;
      if (read) read.squares[Math.floor(i / node.outChannels) % node.inChannels] += square;
    }
  }
  return new Map(
    [...sums].map(([stream, { squares, perChannel }]) => {
      const norms = Array.from(squares, (value) => Math.sqrt(value / perChannel));
      const mean = norms.reduce((sum, norm) => sum + norm, 0) / norms.length;
      return [stream, norms.map((norm) => (mean > 0 ? norm / mean : 0))];
    }),
  );
}

/** A conv's weight is kept where its in- and its out-channel are kept; all else of the vector is kept. */
export function expandToWeights(layout: ParameterLayout, channels: ChannelMask[]): Masks {
  return channels.map((level) => {
    const mask = new Uint8Array(layout.weightCount).fill(1);
    for (const { node, offset, size } of layout.weights) {
      if (node.kind !== 'conv') continue;
      const outs = level.get(node.outStream);
      const ins = level.get(node.inStream);
      for (let i = 0; i < size; i += 1) {
        const out = outs?.[i % node.outChannels] ?? 1;
        const into = ins?.[Math.floor(i / node.outChannels) % node.inChannels] ?? 1;
        mask[offset + i] = out & into;
      }
    }
    return mask;
  });
}

/**
 * The mask of a level's affine vector: scale and bias of a channel that is absent are 0, so that its activation is exactly 0
 * and the net computes what the physically smaller one does.
 */
export function expandToNorms(layout: ParameterLayout, channels: ChannelMask): Uint8Array {
  const mask = new Uint8Array(2 * layout.channelCount).fill(1);
  for (const { stream, offset } of layout.norms) {
    const kept = channels.get(stream);
    if (!kept) continue;
    mask.set(kept, offset);
    mask.set(kept, offset + layout.channelCount);
  }
  return mask;
}
