import type { StepReport } from '../train.ts';

const barWidth = 20;

/** The share of the newest loss in the one that is shown, and of the newest step in the pace. */
const lossShare = 0.1;
const paceShare = 0.02;

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

/** Says after every step how far training is, with a smoothed loss and the pace of the newest steps. */
export function createProgressReport(
  run: { iterations: number; epochs: number; batch: number },
  onProgress: (line: string) => void,
): (step: StepReport) => void {
  let loss = Number.NaN;
  let stepMs = Number.NaN;
  let lastMs = performance.now();
  const smooth = (old: number, value: number, share: number) =>
    Number.isNaN(old) ? value : old + share * (value - old);
  return ({ iteration, levels }) => {
    const nowMs = performance.now();
    stepMs = smooth(stepMs, nowMs - lastMs, paceShare);
    lastMs = nowMs;
    loss = smooth(loss, levels.reduce((sum, level) => sum + level.loss, 0) / levels.length, lossShare);
    const { iterations, epochs, batch } = run;
    onProgress(
      progressLine({
        done: iteration + 1,
        iterations,
        epochs,
        loss,
        imagesPerSecond: (1000 * batch) / stepMs,
        secondsLeft: ((iterations - iteration - 1) * stepMs) / 1000,
      }),
    );
  };
}
