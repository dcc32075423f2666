const barWidth = 20;

/** One line that says how far training is: `epoch 1/2  [=====>    ]  loss 0.62  212 images/s  3 min left`. */
export function progressLine(state: {
  /** Steps done, and in all. */
  done: number;
  iterations: number;
  epochs: number;
  loss: number;
  imagesPerSecond: number;
  secondsLeft: number;
}): string {
  const share = state.done / state.iterations;
  const epochs = Math.ceil(state.epochs);
  const epoch = Math.min(epochs, Math.floor(share * state.epochs) + 1);
  const filled = Math.round(share * barWidth);
  const bar =
    filled < barWidth ? `${'='.repeat(filled)}>${' '.repeat(barWidth - filled - 1)}` : '='.repeat(barWidth);
  const rate = Math.round(state.imagesPerSecond);
  return `epoch ${epoch}/${epochs}  [${bar}]  loss ${state.loss.toFixed(2)}  ${rate} images/s  ${formatLeft(state.secondsLeft)} left`;
}

function formatLeft(seconds: number): string {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 90 * 60) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}
