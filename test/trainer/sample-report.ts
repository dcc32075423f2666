import type { ManifestLevel } from '../../bundle/manifest.ts';
import { createRunCurves, type RunCurves } from '../../trainer/report/run-curves.ts';
import type { RunReport } from '../../trainer/report/run-report.ts';
import type { Metric } from '../../trainer/run/metric.ts';
import { completeSettings, type NewSettings } from '../../trainer/settings.ts';
import { drawNumbers } from '../tiny-bundle.ts';

/** One step a level in turn, with every third step in conflict, and an accuracy after each epoch. */
export function sampleCurves(run: {
  iterations: number;
  epochs: number;
  levels: number;
  compared?: number;
  validated?: boolean;
}): RunCurves {
  const { iterations, epochs, levels, compared = 8, validated = true } = run;
  const curves = createRunCurves(run);
  const noise = drawNumbers(iterations, 1);
  const perEpoch = Math.max(1, Math.floor(iterations / epochs));
  for (let iteration = 0; iteration < iterations; iteration += 1) {
    const level = iteration % levels;
    const loss = 2 / (1 + iteration / 50) + 0.1 * noise[iteration]!;
    const step: Metric = {
      kind: 'step',
      iteration,
      levels: [{ level, loss, accuracy: 0.5 }],
      learning_rate: 0.1,
      conflicts: level > 0 && iteration % 3 === 1 ? 4 : 0,
    };
    curves.add(step, level > 0 ? compared : 0);
    if (!validated || (iteration + 1) % perEpoch !== 0) continue;
    const validation = Array.from({ length: levels }, (_, own) => ({
      level: own,
      accuracy: 0.8 - 0.1 * own,
      count: 100,
    }));
    curves.add({ kind: 'epoch', iteration: iteration + 1, validation }, 0);
  }
  return curves.curves();
}

function sampleLevel(level: number, sparsity: number): ManifestLevel {
  return {
    sparsity,
    nonzeros: Math.round(77_000 * (1 - sparsity)),
    macs: Math.round(9_000_000 * (1 - sparsity)),
    bytes: 319_048,
    file: `level-${level}.onnx`,
    sha256: '0'.repeat(64),
    accuracy: {
      metric: 'top1',
      value: 0.9 - 0.01 * level,
      correct: 1800 - 20 * level,
      count: 2000,
      data: 'shapes',
      split: 'test',
    },
  };
}

/** A run that might have been. */
export function sampleReport(
  change: Partial<NewSettings> = {},
  run: { iterations?: number } = {},
): RunReport {
  const settings = completeSettings({ data: 'shapes', levels: '0,0.8,0.925', epochs: 4, ...change });
  const sparsities = settings.levels.split(',').map(Number);
  const { iterations = 900 } = run;
  const isCompared = settings.correction && settings.method === 'ast' && sparsities.length > 1;
  return {
    name: `shapes-${settings.net}`,
    sparsities,
    summary: {
      out: 'runs/shapes',
      settings,
      backend: 'wasm',
      cost: {
        seconds: 380.2,
        iterations,
        images_per_second: 725.6,
        executed_macs: 7.734e12,
        peak_rss_bytes: 392_110_080,
      },
      correction: {
        conflicting_tensors: isCompared ? 1200 : 0,
        compared_tensors: isCompared ? 4800 : 0,
        iterations_with_conflicts: isCompared ? 300 : 0,
      },
      levels: sparsities.map((sparsity, level) => sampleLevel(level, sparsity)),
      density: [
        { layer: 'stem.conv', shape: [3, 3, 1, 16], levels: sparsities.map(() => 1) },
        { layer: 'block1.conv1', shape: [3, 3, 16, 16], levels: sparsities.map((sparsity) => 1 - sparsity) },
      ],
    },
    curves: sampleCurves({
      iterations,
      epochs: settings.epochs,
      levels: sparsities.length,
      compared: isCompared ? 8 : 0,
      validated: settings.validation > 0,
    }),
  };
}
