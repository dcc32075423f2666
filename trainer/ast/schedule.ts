/**
 * When what happens in alternating sparse training (Yang et al., NeurIPS 2022). Iterations count on across epochs; a *group* is
 * N consecutive ones, one for each sub-net.
 */

/** Which sub-net a group begins with. */
export const orders = ['densest-first', 'sparsest-first'] as const;
export type Order = (typeof orders)[number];

/** The sub-net that iteration t trains: its inner-group iteration. */
export function levelAt(iteration: number, levels: number, order: Order): number {
  const turn = iteration % levels;
  return order === 'densest-first' ? turn : levels - 1 - turn;
}

export function beginsGroup(iteration: number, levels: number): boolean {
  return iteration % levels === 0;
}

/** Cosine from `peak` to 0 (Loshchilov & Hutter 2017). */
export function learningRateAt(iteration: number, total: number, peak: number): number {
  return (peak / 2) * (1 + Math.cos((Math.PI * iteration) / total));
}

/** d + (1 - d)(1 - k)^3: from 1 at progress 0 to the target density at progress 1 (Zhu & Gupta 2017; GraNet). */
export function rampDensity(target: number, progress: number): number {
  return target + (1 - target) * (1 - progress) ** 3;
}

const lastDropFraction = 0.005;

/** Share of a layer's kept weights that drop-and-grow exchanges: a cosine from `first` to 0.005 over training (RigL; GraNet). */
export function dropFractionAt(iteration: number, total: number, first: number): number {
  const span = Math.max(0, first - lastDropFraction);
  return first - (span / 2) * (1 - Math.cos((Math.PI * iteration) / total));
}

export type UpdateOptions = {
  /** Iterations of the whole training. */
  total: number;
  levels: number;
  /** Mask updates from the beginning to the ramp's end. */
  updates: number;
  /** Shares of training: the ramp ends at the first, and no mask changes after the second. */
  rampEnd: number;
  frozenFrom: number;
  /** Iterations by which each level's updates come after those of the level before. */
  offset: number;
};

/** One level's mask is computed anew; `progress` of the ramp goes from 0 to 1. */
export type MaskUpdate = { level: number; progress: number };

/**
 * The mask updates that come before each iteration, denser levels first. Each level's first is at `level * offset`, its last ends the
 * ramp or comes after it, and none lies beyond `frozenFrom`: sparse levels that lose weights after their last steps do not recover.
 */
export function planMaskUpdates(options: UpdateOptions): Map<number, MaskUpdate[]> {
  const { total, levels, updates, rampEnd, frozenFrom, offset } = options;
  const groupStart = (iteration: number) => Math.floor(iteration / levels) * levels;
  const end = groupStart(rampEnd * total);
  const frozen = frozenFrom * total;
  const interval = Math.max(levels, groupStart(end / updates));
  const plan = new Map<number, MaskUpdate[]>();
  const add = (iteration: number, level: number, progress: number) => {
    const planned = plan.get(iteration) ?? [];
    if (planned.every((update) => update.level !== level))
      plan.set(iteration, [...planned, { level, progress }]);
  };
  // An offset that would carry a sparser level's last update beyond the end of all updates is cut.
  const step = levels > 1 ? Math.min(offset, Math.max(0, Math.floor((frozen - end) / (levels - 1)))) : 0;
  for (let level = 0; level < levels; level += 1) {
    for (let at = 0; at < end; at += interval) add(at + level * step, level, at / end);
    for (let at = end; at === end || at + level * step <= frozen; at += interval)
      add(at + level * step, level, 1);
  }
  return plan;
}
