/**
 * Softmax cross-entropy of `logits [count, classes]`.
 *
 * @returns the sum of the losses, the number of right answers, and the gradient of `lossScale` times the sum.
 */
export function crossEntropy(
  logits: Float32Array,
  labels: Uint16Array,
  lossScale: number,
): { loss: number; correct: number; gradient: Float32Array } {
  const classes = logits.length / labels.length;
  const gradient = new Float32Array(logits.length);
  let loss = 0;
  let correct = 0;
  labels.forEach((label, n) => {
    const start = n * classes;
    let best = 0;
    for (let c = 1; c < classes; c += 1) if (logits[start + c] > logits[start + best]) best = c;
    const peak = logits[start + best];
    let total = 0;
    for (let c = 0; c < classes; c += 1) total += Math.exp(logits[start + c] - peak);
    for (let c = 0; c < classes; c += 1) {
      const share = Math.exp(logits[start + c] - peak) / total;
      gradient[start + c] = lossScale * (share - (c === label ? 1 : 0));
    }
    loss += Math.log(total) + peak - logits[start + label];
    if (best === label) correct += 1;
  });
  return { loss, correct, gradient };
}
