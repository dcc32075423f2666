import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import type { Manifest } from '../../bundle/manifest.ts';
import { chooseBackend } from '../backend/open-backend.ts';
import { batchesPerEpoch } from '../batches.ts';
import { type HeldOut, holdOut } from '../data/hold-out.ts';
import { openData } from '../data/open-data.ts';
import { exportBundle } from '../export/export-bundle.ts';
import type { TrainedNet } from '../net/trained-net.ts';
import type { Settings } from '../settings.ts';
import { iterationsOf, type Training, type TrainOptions, train } from '../train.ts';
import { trainOptions } from '../train-options.ts';
import { loadCheckpoint, saveCheckpoint } from './checkpoint.ts';
import { stepMetric } from './metric.ts';
import { openMetricsLog } from './metrics-log.ts';
import { createProgressReport } from './progress-line.ts';
import { claimRunFolder, type RunFolder, readUnfinished } from './run-folder.ts';
import { type RunSummary, summarizeRun } from './run-summary.ts';
import { validate } from './validate.ts';

export type RunOptions = {
  /** Folder of the run. */
  out: string;
  /** What to train; absent to go on with the unfinished run in `out`. */
  settings?: Settings | undefined;
  /** Name of the bundle; default the data's and the net's. */
  name?: string | undefined;
  /** The split that the bundle's accuracy is counted on. Default the test split, which nothing else touches. */
  countOn?: 'test' | 'validation' | undefined;
  /** Seconds between two checkpoints. Default 60. */
  checkpointSeconds?: number | undefined;
};

export type RunHooks = {
  signal?: AbortSignal | undefined;
  /** A line that replaces the one before. */
  onProgress?: (line: string) => void;
  /** A line that stays. */
  onNote?: (line: string) => void;
};

/**
 * Trains a net and writes the run's folder: settings first, checkpoints and metrics meanwhile, then bundle and report, and `run.json`
 * last, so that a folder with `run.json` is whole. A run that was stopped at any moment goes on from its newest checkpoint and
 * ends in the same weights.
 *
 * @throws UsageError or Error before any training where the options, the data or the folder will not do; the signal's reason where it is aborted.
 */
export async function runTraining(options: RunOptions, hooks: RunHooks = {}): Promise<RunSummary> {
  const { signal, onProgress = () => {}, onNote = () => {} } = hooks;
  const { folder, settings, release } = await openFolder(options);
  const backend = chooseBackend(settings.backend);
  if (backend.note !== undefined) onNote(backend.note);
  let newest: Training | undefined;
  try {
    const opened = await openData(settings.data, { signal, onNote });
    const data = holdOut(opened, { share: settings.validation, seed: settings.seed });
    const setting = trainOptions(
      { ...settings, batch: Math.min(settings.batch, data.train.count) },
      data,
      backend.name,
    );
    const iterations = iterationsOf(data, setting);
    const resume = await loadCheckpoint(folder.checkpoint);
    if (resume) onNote(`going on after ${resume.done} of ${iterations} steps`);
    const log = await openMetricsLog(
      folder.metrics,
      resume && { done: resume.done, bytes: resume.metricsBytes },
    );
    if (log.missing > 0)
      onNote(
        `warning: "${folder.metrics}" lacks ${log.missing} of the ${resume?.done} steps done, as after a power loss: the report is made of the others`,
      );
    const startMs = performance.now();
    const seconds = () => (resume?.seconds ?? 0) + (performance.now() - startMs) / 1000;
    const save = async ({ net, done }: Training) => {
      // What has diverged is not saved: the checkpoint before is the last good one.
      if (!net.weights.every(Number.isFinite)) return;
      const metricsBytes = await log.flush();
      await saveCheckpoint(folder.checkpoint, { done, seconds: seconds(), metricsBytes, state: net.state() });
    };
    const everyMs = 1000 * (options.checkpointSeconds ?? 60);
    let savedMs = startMs;
    const perEpoch = batchesPerEpoch(data, setting.batch);
    const report = createProgressReport({ ...setting, iterations }, onProgress);
    const between = async (training: Training) => {
      newest = training;
      const { done } = training;
      if (
        done > (resume?.done ?? 0) &&
        data.validation.count > 0 &&
        (done % perEpoch === 0 || done === iterations)
      )
        log.add({
          kind: 'epoch',
          iteration: done,
          validation: await validate(training, data, settings.seed),
        });
      if (performance.now() - savedMs < everyMs && done < iterations) return;
      await save(training);
      savedMs = performance.now();
    };
    const onStep: NonNullable<Parameters<typeof train>[2]>['onStep'] = (step) => {
      log.add(stepMetric(step));
      report(step);
    };
    let net: TrainedNet;
    try {
      net = await train(data, setting, { onStep, between, resume, signal });
    } catch (error) {
      // Weights whose loss is no number are not worth keeping; the newest checkpoint is.
      if (newest && newest.done > 0 && signal?.aborted) await save(newest);
      const kept = await loadCheckpoint(folder.checkpoint);
      if (kept)
        onNote(
          `${kept.done} of ${iterations} steps are saved: go on with "ebb train --resume --out ${folder.dir}"`,
        );
      throw error;
    }
    const trainedSeconds = seconds();
    const manifest = await writeRunBundle(net, data, {
      folder,
      settings,
      setting,
      options,
      hooks,
      seconds: trainedSeconds,
    });
    const summary = await summarizeRun({
      folder,
      settings,
      setting,
      backend: backend.name,
      iterations,
      seconds: trainedSeconds,
      net,
      manifest,
      onNote,
    });
    await rm(folder.checkpoint, { force: true });
    return summary;
  } catch (error) {
    if (!existsSync(folder.checkpoint)) await release();
    throw error;
  }
}

async function openFolder({ out, settings }: RunOptions): Promise<{
  folder: RunFolder;
  settings: Settings;
  release: () => Promise<void>;
}> {
  if (settings) return { ...(await claimRunFolder(out, settings)), settings };
  return { ...(await readUnfinished(out)), release: async () => {} };
}

type Finished = {
  folder: RunFolder;
  settings: Settings;
  setting: TrainOptions;
  seconds: number;
};

async function writeRunBundle(
  net: TrainedNet,
  data: HeldOut,
  run: Finished & { options: RunOptions; hooks: RunHooks },
): Promise<Manifest> {
  const { folder, settings, setting, seconds, options, hooks } = run;
  const countOn = options.countOn ?? 'test';
  // A run that was killed while it wrote its summary has a bundle already.
  await rm(folder.bundle, { recursive: true, force: true });
  return exportBundle(net, data, {
    dir: folder.bundle,
    name: options.name ?? `${data.name}-${setting.graph.name}`,
    counted: { name: countOn, split: data[countOn] },
    training: {
      method: settings.method,
      net: setting.graph.name,
      data: data.name,
      granularity: settings.granularity,
      distribution: settings.distribution,
      correction: settings.correction,
      epochs: settings.epochs,
      iterations: iterationsOf(data, setting),
      batch: setting.batch,
      seed: settings.seed,
      seconds,
    },
    signal: hooks.signal,
    onProgress: hooks.onProgress,
  });
}
