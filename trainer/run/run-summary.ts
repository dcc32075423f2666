import type { Manifest } from '../../bundle/manifest.ts';
import { writeFileAtomic } from '../../bundle/write-file-atomic.ts';
import { maskedTensors } from '../ast/masks/masked-tensors.ts';
import { beginsGroup } from '../ast/schedule.ts';
import { type LayerDensity, layerDensities } from '../net/layer-density.ts';
import { layoutOf } from '../net/parameters.ts';
import type { TrainedNet } from '../net/trained-net.ts';
import { createRunCurves } from '../report/run-curves.ts';
import { writeRunReport } from '../report/run-report.ts';
import type { Settings } from '../settings.ts';
import type { TrainOptions } from '../train.ts';
import { readMetrics } from './read-metrics.ts';
import type { RunFolder } from './run-folder.ts';

/** What a run cost and what came out, as `run.json` holds it. */
export type RunSummary = {
  out: string;
  settings: Settings;
  backend: 'node' | 'wasm';
  cost: {
    /** Of training, over all its pieces, without the export. */
    seconds: number;
    iterations: number;
    images_per_second: number;
    /** Multiply-accumulates of all forward and backward passes; a pass computes the dense net, whatever the masks. */
    executed_macs: number;
    /** Of the main process. */
    peak_rss_bytes: number;
  };
  correction: { conflicting_tensors: number; compared_tensors: number; iterations_with_conflicts: number };
  levels: Manifest['levels'];
  /** What each level keeps of each layer. */
  density: LayerDensity[];
};

export type TrainedRun = {
  folder: RunFolder;
  settings: Settings;
  setting: TrainOptions;
  backend: 'node' | 'wasm';
  iterations: number;
  seconds: number;
  net: TrainedNet;
  manifest: Manifest;
  /** Told of each line of the metrics that cannot be read: it costs the report no more than itself. */
  onNote?: (line: string) => void;
};

/** Writes the report and then `run.json`, of what the metrics say; they are read one by one, however long the run was. */
export async function summarizeRun(run: TrainedRun): Promise<RunSummary> {
  const { folder, settings, setting, backend, iterations, seconds, net, manifest, onNote = () => {} } = run;
  const { method, targets, batch, granularity } = setting;
  const layout = layoutOf(setting.graph);
  const tensors = maskedTensors(layout, granularity).length;
  const isCompared = settings.correction && method !== 'joint';
  const correction = { conflicting_tensors: 0, compared_tensors: 0, iterations_with_conflicts: 0 };
  const curves = createRunCurves({ iterations, epochs: settings.epochs, levels: targets.length });
  const faulty = ({ message }: Error) => onNote(`warning: the report lacks a step: ${message}`);
  for await (const metric of readMetrics(folder.metrics, faulty)) {
    const compared =
      metric.kind === 'step' && isCompared && !beginsGroup(metric.iteration, targets.length) ? tensors : 0;
    curves.add(metric, compared);
    if (metric.kind !== 'step') continue;
    correction.conflicting_tensors += metric.conflicts;
    correction.compared_tensors += compared;
    if (metric.conflicts > 0) correction.iterations_with_conflicts += 1;
  }
  const passes = iterations * (method === 'joint' ? targets.length : 1);
  const denseMacs = layout.weights.reduce((sum, { size, positions }) => sum + size * positions, 0);
  const summary: RunSummary = {
    out: folder.dir,
    settings,
    backend,
    cost: {
      seconds,
      iterations,
      images_per_second: (iterations * batch) / seconds,
      // The gradients of the weights and of the input cost a forward pass each.
      executed_macs: 3 * denseMacs * batch * passes,
      peak_rss_bytes: process.resourceUsage().maxRSS * 1024,
    },
    correction,
    levels: manifest.levels,
    density: layerDensities(net),
  };
  const sparsities = targets.map(({ sparsity }) => sparsity);
  const report = writeRunReport({ name: manifest.name, summary, sparsities, curves: curves.curves() });
  await writeFileAtomic(folder.report, report);
  await writeFileAtomic(folder.run, `${JSON.stringify(summary, null, 2)}\n`);
  return summary;
}
