/**
 * One step of stochastic gradient descent with momentum (the form of Sutskever et al. 2013 that deep-learning libraries use):
 * v <- momentum * v + g + weightDecay * w;  w <- w - learningRate * v. In place.
 */
export function sgdStep(
  weights: Float32Array,
  velocity: Float32Array,
  gradient: Float32Array,
  options: { learningRate: number; momentum: number; weightDecay: number },
): void {
  const { learningRate, momentum, weightDecay } = options;
  for (let i = 0; i < weights.length; i += 1) {
    const step = momentum * velocity[i] + gradient[i] + weightDecay * weights[i];
    velocity[i] = step;
    weights[i] -= learningRate * step;
  }
}
