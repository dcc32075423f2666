/** A tensor's range of the flat vector. */
type Range = { offset: number; size: number };

/** Keeps a sub-net's gradient from undoing the step of the sub-net before it in the same group. */
export type GradientCorrection = {
  /**
   * Corrects `gradient` in place and remembers it, as it was, for the next call.
   *
   * @param gradient of the shared vector, masked with the current sub-net's mask.
   * @returns tensors in conflict with the previous sub-net's gradient, all of which were corrected.
   */
  apply(gradient: Float32Array, firstOfGroup: boolean): number;
  /** The gradient that the next call compares with, for checkpoints. */
  previous: Float32Array | undefined;
};

/**
 * For each tensor, with g the current masked gradient and h the previous sub-net's in the same group (Yang et al. 2022, section on
 * gradient correction; PCGrad's projection, Yu et al. 2020, one-sided): where <g, h> < 0, g <- g - (<g, h> / ||h||^2) h.
 * The first iteration of a group is never corrected. The authors' released code overwrites h with g before it projects, so
 * that it never corrects; this is the method as the paper describes it.
 *
 * @param tensors ranges of the flat vector, each a weight tensor. Where `enabled` is false, `apply` leaves everything alone.
 */
export function createGradientCorrection(tensors: Range[], enabled: boolean): GradientCorrection {
  return {
    previous: undefined,
    apply(gradient, firstOfGroup) {
      if (!enabled) return 0;
      const h = firstOfGroup ? undefined : this.previous;
      this.previous = gradient.slice();
      if (!h) return 0;
      let conflicts = 0;
      for (const { offset, size } of tensors) {
        let product = 0;
        let squares = 0;
        for (let i = offset; i < offset + size; i += 1) {
          product += gradient[i] * h[i];
          squares += h[i] * h[i];
        }
        // Where h is all zero the product is 0, so there is nothing to divide.
        if (!(product < 0)) continue;
        conflicts += 1;
        const factor = product / squares;
        for (let i = offset; i < offset + size; i += 1) gradient[i] -= factor * h[i];
      }
      return conflicts;
    },
  };
}
