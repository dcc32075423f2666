/**
 * When what happens in alternating sparse training (Yang et al., NeurIPS 2022). Iterations count on across epochs; a *group* is
 * N consecutive ones, one for each sub-net, densest first.
 */

/** The sub-net that iteration t trains: its inner-group iteration. */
export function levelAt(iteration: number, levels: number): number {
  return iteration % levels;
}

/** Cosine from `peak` to 0 (Loshchilov & Hutter 2017). */
export function learningRateAt(iteration: number, total: number, peak: number): number {
  return (peak / 2) * (1 + Math.cos((Math.PI * iteration) / total));
}

/** d + (1 - d)(1 - k)^3: from 1 at progress 0 to the target density at progress 1 (Zhu & Gupta 2017; GraNet). */
export function rampDensity(target: number, progress: number): number {
  return target + (1 - target) * (1 - progress) ** 3;
}

/** Shares of training: the ramp ends at the first, and no mask changes after the second. */
export const rampEnd = 0.7;
export const frozenFrom = 0.75;

/** The ramp is climbed in about this many steps. */
const rampSteps = 40;

/**
 * The iterations before which masks are computed anew, with the ramp's progress at each. All of them begin a group, the first
 * is iteration 0, the ramp's end is always among them, and none lies in the last quarter of training: sparse levels
 * that lose weights after their last steps do not recover.
 */
export function maskUpdates(total: number, levels: number): Map<number, number> {
  const groupStart = (iteration: number) => Math.floor(iteration / levels) * levels;
  const end = groupStart(rampEnd * total);
  const interval = Math.max(levels, groupStart(end / rampSteps));
  const updates = new Map<number, number>();
  for (let iteration = 0; iteration <= frozenFrom * total; iteration += interval)
    updates.set(iteration, end === 0 ? 1 : Math.min(1, iteration / end));
  return updates.set(end, 1);
}
