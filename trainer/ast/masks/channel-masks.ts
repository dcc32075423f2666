import type { ParameterLayout, WeightSlot } from '../../net/parameters.ts';
import type { ChannelMask, LevelMask } from './level-mask.ts';

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

/** How channels are ranked over the streams, and what a budget counts. */
export type ChannelDistribution = 'global' | 'uniform' | 'macs';

/** Channels of one stream that go together. */
type ChannelBlock = { stream: string; channels: number[]; score: number };

/**
 * Whole channels, ranked over all streams by the norm of their weights: the root mean square of all weights that write or read the
 * channel, divided by the stream's mean so that streams are comparable. The least go first, until what is left comes nearest to the
 * budget. With `macs` a budget counts multiply-accumulates and a norm is weighed by what the channel costs; with `uniform` every stream
 * keeps the same share of its channels.
 *
 * @param density share of the maskable weights (`macs`: of the whole net's multiply-accumulates) that the level may keep.
 * @param within the denser level's channels; a stream that is not named is whole.
 * @param containing a sparser level's channels, none of which goes.
 */
export function channelMask(
  layout: ParameterLayout,
  weights: Float32Array,
  distribution: ChannelDistribution,
  density: number,
  within: ChannelMask,
  containing: ChannelMask = new Map(),
): ChannelMask {
  const kept = maskedStreams(layout);
  for (const [stream, mask] of within) kept.get(stream)?.set(mask);
  const left = new Map([...kept].map(([stream, mask]) => [stream, sum(mask)]));
  if (distribution === 'uniform') {
    // Of a channel's weights a share of about sqrt(density) on either side is left.
    const share = Math.sqrt(density);
    for (const { stream, channels } of removalOrder(layout, weights, distribution, containing)) {
      const own = kept.get(stream);
      if (!own || sum(own) - channels.length < Math.floor(share * own.length)) continue;
      for (const channel of channels) own[channel] = 0;
    }
    return kept;
  }
  const size = sizeCounter(layout, distribution);
  const whole = size(new Map());
  const distance = () => Math.abs(size(left) / whole - density);
  for (const { stream, channels } of removalOrder(layout, weights, distribution, containing)) {
    const own = kept.get(stream);
    if (!own) continue;
    const present = channels.filter((channel) => own[channel] === 1);
    const count = left.get(stream) ?? 0;
    const before = distance();
    left.set(stream, count - present.length);
    if (distance() >= before && present.length > 0) {
      left.set(stream, count);
      break;
    }
    for (const channel of present) own[channel] = 0;
  }
  return kept;
}

function sum(mask: Uint8Array): number {
  return mask.reduce((total, value) => total + value, 0);
}

/** Streams whose channels may go: all that a convolution or a hidden layer writes. */
function maskedStreams(layout: ParameterLayout): ChannelMask {
  return new Map(
    prunedTensors(layout).map(({ outStream, outChannels }) => [
      outStream,
      new Uint8Array(outChannels).fill(1),
    ]),
  );
}

/** All weights that write a stream whose channels may go: all but the classifier's. */
export function prunedTensors(layout: ParameterLayout): WeightSlot[] {
  return layout.weights.filter(({ node }) => node.kind === 'conv' || !node.bias);
}

/** Counts what a net of so many channels a stream holds: maskable weights, or multiply-accumulates. Streams not named are whole. */
function sizeCounter(
  layout: ParameterLayout,
  distribution: ChannelDistribution,
): (counts: Map<string, number>) => number {
  const counted = layout.weights.filter(({ maskable, part }) =>
    distribution === 'macs' ? part === 'weights' : maskable,
  );
  return (counts) =>
    counted.reduce((total, { size, inStream, outStream, inChannels, outChannels, positions }) => {
      const ins = inStream === undefined ? inChannels : (counts.get(inStream) ?? inChannels);
      const outs = counts.get(outStream) ?? outChannels;
      const left = (size / (inChannels * outChannels)) * ins * outs;
      return total + left * (distribution === 'macs' ? positions : 1);
    }, 0);
}

/** Blocks of every stream's channels in the order in which they go; ties by the streams' order in the net. */
function removalOrder(
  layout: ParameterLayout,
  weights: Float32Array,
  distribution: ChannelDistribution,
  containing: ChannelMask,
): ChannelBlock[] {
  const ranked = [...channelScores(layout, weights, distribution)].map(([stream, scores]) => {
    const mayGo = Array.from(scores.keys()).filter((channel) => containing.get(stream)?.[channel] !== 1);
    return {
      stream,
      scores,
      fixed: scores.length - mayGo.length,
      // Those that stay, the least of all first.
      left: mayGo.sort((a, b) => scores[a] - scores[b]),
    };
  });
  return blockSizes.flatMap((sizeFor) =>
    ranked
      .flatMap(({ stream, scores, fixed, left }) => {
        const blocks: ChannelBlock[] = [];
        const size = Math.floor(sizeFor(scores.length));
        while (left.length > 0 && left.length + fixed > size) {
          // The first fills up to a whole number of blocks.
          const channels = left.splice(0, (left.length + fixed) % size || size);
          const total = channels.reduce((sum, channel) => sum + scores[channel], 0);
          blocks.push({ stream, channels, score: total / channels.length });
        }
        return blocks;
      })
      .sort((a, b) => a.score - b.score),
  );
}

/** By stream: each channel's norm over the stream's mean; with `macs`, over the root of what a channel of the stream costs. */
function channelScores(
  layout: ParameterLayout,
  weights: Float32Array,
  distribution: ChannelDistribution,
): Map<string, number[]> {
  type Sums = { squares: Float64Array; perChannel: number; macs: number };
  const sums = new Map<string, Sums>();
  for (const { outStream, outChannels } of prunedTensors(layout))
    sums.set(outStream, { squares: new Float64Array(outChannels), perChannel: 0, macs: 0 });
  for (const { offset, size, inStream, outStream, inChannels, outChannels, positions } of prunedTensors(
    layout,
  )) {
    const written = sums.get(outStream);
    const read = inStream === undefined ? undefined : sums.get(inStream);
    const count = (stream: Sums | undefined, channels: number) => {
      if (!stream) return;
      stream.perChannel += size / channels;
      stream.macs += (size / channels) * positions;
    };
    count(written, outChannels);
    count(read, inChannels);
    for (let i = 0; i < size; i += 1) {
      const square = weights[offset + i] ** 2;
      if (written) written.squares[i % outChannels] += square;
      if (read) read.squares[Math.floor(i / outChannels) % inChannels] += square;
    }
  }
  return new Map(
    [...sums].map(([stream, { squares, perChannel, macs }]) => {
      const norms = Array.from(squares, (value) => Math.sqrt(value / perChannel));
      const mean = norms.reduce((total, norm) => total + norm, 0) / norms.length;
      const unit = mean * (distribution === 'macs' ? Math.sqrt(macs) : 1);
      return [stream, norms.map((norm) => (unit > 0 ? norm / unit : 0))];
    }),
  );
}

/** A weight is kept where its in- and its out-channel are kept; all else of the vector is kept. */
export function expandToWeights(layout: ParameterLayout, channels: ChannelMask): LevelMask {
  const mask = new Uint8Array(layout.weightCount).fill(1);
  for (const { offset, size, inStream, outStream, inChannels, outChannels } of prunedTensors(layout)) {
    const outs = channels.get(outStream);
    const ins = inStream === undefined ? undefined : channels.get(inStream);
    for (let i = 0; i < size; i += 1) {
      const out = outs?.[i % outChannels] ?? 1;
      const into = ins?.[Math.floor(i / outChannels) % inChannels] ?? 1;
      mask[offset + i] = out & into;
    }
  }
  return { weights: mask, channels };
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
