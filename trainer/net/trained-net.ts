import type { Granularity } from '../ast/masks/mask-scheme.ts';
import type { NetGraph } from './graph.ts';

/** One level's own statistics and affine parameters of a norm, each `[channels]`. */
export type NormParameters = {
  scale: Float32Array;
  bias: Float32Array;
  mean: Float32Array;
  /** Running variance; epsilon is added when it is used. */
  variance: Float32Array;
};

/** One sub-net: what it keeps of the shared weights, and what is its own. */
export type TrainedLevel = {
  /** The sparsity that was asked for. */
  target: number;
  /** Granularities of single weights: 1 where a weight is kept, by conv node, in the weights' order. Convs that are not named are dense. */
  masks: Map<string, Uint8Array>;
  /** Channel granularity: 1 where a channel is kept, by stream. Streams that are not named are whole. */
  channels: Map<string, Uint8Array>;
  /** By norm node. */
  norms: Map<string, NormParameters>;
};

/** What training hands to export: plain arrays, no tensors of any back end. */
export type TrainedNet = {
  graph: NetGraph;
  granularity: Granularity;
  /** Latent weights by node: conv `[height, width, in, out]`, dense `[in, out]`. */
  weights: Map<string, Float32Array>;
  /** Dense node's bias `[out]`. */
  biases: Map<string, Float32Array>;
  /** Densest first. */
  levels: TrainedLevel[];
  normEpsilon: number;
};
