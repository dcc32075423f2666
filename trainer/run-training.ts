import type { Manifest } from '../bundle/manifest.ts';
import { writeFileAtomic } from '../bundle/write-file-atomic.ts';
import type { Granularity } from './ast/latent-net.ts';
import { quietTensorflow } from './backend/native-package.ts';
import { type BackendChoice, chooseBackend } from './backend/open-backend.ts';
import { drawTrainingCurve } from './curve/training-curve.ts';
import { openData } from './data/open-data.ts';
import { exportBundle } from './export/export-bundle.ts';
import { nets } from './net/nets.ts';
import { progressLine } from './progress-line.ts';
import { claimRunFolder } from './run-folder.ts';
import { defaultLearningRate, iterationsOf, type StepReport, type TrainOptions, train } from './train.ts';

export type RunOptions = {
  /** Data spec, see `openData`. */
  data: string;
  /** A key of `nets`. */
  net: string;
  /** Factor on the number of channels of every layer. */
  width: number;
  sparsities: number[];
  epochs: number;
  batch: number;
  granularity: Granularity;
  correction: boolean;
  backend: BackendChoice;
  seed: number;
  learningRate?: number | undefined;
  /** Folder of the run. */
  out: string;
  /** Name of the bundle; default the data's and the net's. */
  name?: string | undefined;
};

export type RunHooks = {
  signal?: AbortSignal | undefined;
  /** A line that replaces the one before. */
  onProgress?: (line: string) => void;
  /** A line that stays. */
  onNote?: (line: string) => void;
};

/** What a run cost and what came out, as `run.json` holds it. */
export type RunSummary = {
  out: string;
  options: Record<string, unknown>;
  cost: {
    seconds: number;
    iterations: number;
    images_per_second: number;
    peak_rss_bytes: number;
  };
  correction: { conflicting_tensors: number; iterations_with_conflicts: number };
  levels: Manifest['levels'];
};

/** The share of the newest loss in the one that is shown. */
const lossShare = 0.1;

/**
 * Trains a net and writes the run's folder: bundle, metrics, curve, and `run.json` last, so that a folder with `run.json` is whole.
 *
 * @throws UsageError or Error before any training where the options, the data or the folder will not do; the signal's reason where it is aborted.
 */
export async function runTraining(options: RunOptions, hooks: RunHooks = {}): Promise<RunSummary> {
  const { signal, onProgress = () => {}, onNote = () => {} } = hooks;
  const backend = chooseBackend(options.backend);
  if (backend.name === 'node') quietTensorflow();
  const makeNet = nets[options.net];
  if (!makeNet)
    throw new RangeError(`Cannot train net "${options.net}": known nets are ${Object.keys(nets)}`);
  const { folder, release } = await claimRunFolder(options.out);
  try {
    if (backend.note !== undefined) onNote(backend.note);
    const data = await openData(options.data);
    const setting: TrainOptions = {
      graph: makeNet({
        input: [data.height, data.width, data.channels],
        classes: data.labels.length,
        width: options.width,
      }),
      sparsities: options.sparsities,
      epochs: options.epochs,
      batch: Math.min(options.batch, data.train.count),
      granularity: options.granularity,
      correction: options.correction,
      backend: backend.name,
      seed: options.seed,
      learningRate: options.learningRate ?? defaultLearningRate(options.sparsities.length),
    };
    const steps: StepReport[] = [];
    const startMs = performance.now();
    let loss = Number.NaN;
    const onStep = (step: StepReport) => {
      steps.push(step);
      loss = Number.isNaN(loss) ? step.loss : loss + lossShare * (step.loss - loss);
      const seconds = (performance.now() - startMs) / 1000;
      const imagesPerSecond = (steps.length * setting.batch) / seconds;
      const secondsLeft = ((step.iterations - steps.length) * seconds) / steps.length;
      const { iterations } = step;
      const { epochs } = options;
      onProgress(
        progressLine({ done: steps.length, iterations, epochs, loss, imagesPerSecond, secondsLeft }),
      );
    };
    const net = await train(data, setting, { onStep, ...(signal ? { signal } : {}) });
    const seconds = (performance.now() - startMs) / 1000;
    const iterations = iterationsOf(data, setting);
    const manifest = await exportBundle(net, data, {
      dir: folder.bundle,
      name: options.name ?? `${data.name}-${setting.graph.name}`,
      training: {
        method: 'ast',
        net: setting.graph.name,
        data: data.name,
        granularity: options.granularity,
        distribution: 'global',
        correction: options.correction,
        epochs: options.epochs,
        iterations,
        batch: setting.batch,
        seed: options.seed,
        seconds,
      },
      signal,
      onProgress,
    });
    const { graph: _, ...plain } = setting;
    const summary: RunSummary = {
      out: options.out,
      options: {
        data: options.data,
        net: options.net,
        width: options.width,
        method: 'ast',
        distribution: 'global',
        ...plain,
      },
      cost: {
        seconds,
        iterations,
        images_per_second: (iterations * setting.batch) / seconds,
        peak_rss_bytes: process.resourceUsage().maxRSS * 1024,
      },
      correction: {
        conflicting_tensors: steps.reduce((sum, step) => sum + step.conflicts, 0),
        iterations_with_conflicts: steps.filter((step) => step.conflicts > 0).length,
      },
      levels: manifest.levels,
    };
    await writeFileAtomic(folder.metrics, steps.map(metricsLine).join(''));
    await writeFileAtomic(folder.curve, drawTrainingCurve(steps, options.sparsities));
    await writeFileAtomic(folder.run, `${JSON.stringify(summary, null, 2)}\n`);
    return summary;
  } catch (error) {
    await release();
    throw error;
  }
}

function metricsLine(step: StepReport): string {
  const { iteration, level, loss, accuracy, learningRate, conflicts } = step;
  const line = { iteration, level, loss, accuracy, learning_rate: learningRate, conflicts };
  return `${JSON.stringify(line)}\n`;
}
