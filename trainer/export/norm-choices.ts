import type { NormParameters, TrainedNet } from '../net/trained-net.ts';
import type { LevelBetween } from './level-between.ts';

/** Where a level that was not trained may take its norms' scales and biases from. */
export const normSources = ['interpolated', 'denser', 'sparser'] as const;
export type NormSource = (typeof normSources)[number];

/**
 * The norms of a level between two others, for each source: its neighbours' own, or on the line between them, where its sparsity lies.
 * A channel that the sparser neighbour does not have is the denser one's. Means and variances are the denser one's, to be taken anew.
 */
export function normChoices(
  { graph, levels }: TrainedNet,
  { index, position, mask }: LevelBetween,
): Record<NormSource, Map<string, NormParameters>> {
  const shares: Record<NormSource, number> = { interpolated: position, denser: 0, sparser: 1 };
  const [denser, sparser] = [levels[index - 1], levels[index]];
  const blend = (share: number): Map<string, NormParameters> => {
    const norms = new Map<string, NormParameters>();
    for (const node of graph.nodes) {
      if (node.kind !== 'norm') continue;
      const [own, other] = [denser, sparser].map((level) => level.norms.get(node.name));
      if (!own || !other) throw new Error(`Cannot blend norm "${node.name}" as both levels must have it`);
      const kept = mask.channels.get(node.stream);
      const present = sparser.channels.get(node.stream);
      const mixed = (from: Float32Array, to: Float32Array) =>
        from.map((value, c) => {
          if (kept?.[c] === 0) return 0;
          if (present?.[c] === 0 || share === 0) return value;
          return share === 1 ? to[c] : value + share * (to[c] - value);
        });
      norms.set(node.name, {
        scale: mixed(own.scale, other.scale),
        bias: mixed(own.bias, other.bias),
        mean: own.mean.slice(),
        variance: own.variance.slice(),
      });
    }
    return norms;
  };
  return {
    interpolated: blend(shares.interpolated),
    denser: blend(shares.denser),
    sparser: blend(shares.sparser),
  };
}
