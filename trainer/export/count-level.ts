import type { NetGraph } from '../net/graph.ts';
import type { LevelParameters } from './level-parameters.ts';

/**
 * Counts what a level costs.
 *
 * - `sparsity`: share of zero or absent weights among those that masks of single weights may prune (not the stem, depthwise convolutions
 *   and the classifier), at all granularities alike, so that they compare;
 * - `nonzeros`: weights other than zero of all convolutions and the classifier, without biases and norms;
 * - `macs`: multiply-accumulates on nonzero weights for one input, a convolution's at every position of its output.
 */
export function countLevel(
  graph: NetGraph,
  parameters: LevelParameters,
): { sparsity: number; nonzeros: number; macs: number } {
  let maskable = 0;
  let maskableNonzeros = 0;
  let nonzeros = 0;
  let macs = 0;
  for (const node of graph.nodes) {
    if (node.kind === 'conv') {
      const count = countNonzeros(parameters.convs.get(node.name)?.data);
      nonzeros += count;
      macs += count * node.outSize[0] * node.outSize[1];
      if (!node.maskable) continue;
      maskable += node.kernel[0] * node.kernel[1] * node.inChannels * node.outChannels;
      maskableNonzeros += count;
    } else if (node.kind === 'dense') {
      const count = countNonzeros(parameters.denses.get(node.name)?.data);
      nonzeros += count;
      macs += count;
      if (!node.maskable) continue;
      maskable += node.inFeatures * node.outFeatures;
      maskableNonzeros += count;
    }
  }
  return { sparsity: maskable > 0 ? 1 - maskableNonzeros / maskable : 0, nonzeros, macs };
}

function countNonzeros(values: Float32Array | undefined): number {
  return values?.reduce((count, value) => count + (value === 0 ? 0 : 1), 0) ?? 0;
}
