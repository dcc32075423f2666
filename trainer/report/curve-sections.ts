import type { RunSummary } from '../run/run-summary.ts';
import { htmlChart } from './chart.ts';
import type { Html } from './html.ts';
import { percent, whole } from './numbers.ts';
import { emptySection, section } from './page.ts';
import type { CurvePoint } from './run-curves.ts';
import { accuracyScale } from './scales.ts';
import type { Series } from './series.ts';
import { timeChart } from './time-chart.ts';

type Shown = { series: Series[]; epochs: number };

const inPercent = (points: CurvePoint[]) => points.map(({ epoch, value }) => ({ epoch, value: 100 * value }));

export function lossSection(loss: CurvePoint[][], shown: Shown): Html {
  const heading = 'Loss over training';
  if (loss.every((points) => points.length === 0))
    return emptySection(heading, 'No step’s loss is in the metrics.');
  return section(
    heading,
    'Cross-entropy on the training batches, smoothed. It rises for a while where masks remove weights.',
    htmlChart(
      timeChart({
        ...shown,
        description: 'Smoothed training loss of every level over the epochs',
        points: loss,
        y: { label: 'loss', zero: true, nice: true, ticks: 6 },
      }),
    ),
  );
}

export function validationSection(validation: CurvePoint[][], shown: Shown, share: number): Html {
  const heading = 'Accuracy over training';
  const values = validation.flat().map(({ value }) => 100 * value);
  if (values.length === 0)
    return emptySection(
      heading,
      share === 0
        ? 'No training samples were held out, so nothing was counted on the way: see --validation.'
        : 'Nothing was counted on the way.',
    );
  return section(
    heading,
    'Share of right answers on at most 1,000 training samples that were held out, after each epoch.',
    htmlChart(
      timeChart({
        ...shown,
        description: 'Accuracy of every level on held-out samples after each epoch',
        points: validation.map(inPercent),
        y: accuracyScale(values, 'held-out accuracy'),
      }),
    ),
  );
}

export function conflictSection(conflicts: CurvePoint[][], shown: Shown, summary: RunSummary): Html {
  const heading = 'Gradient conflicts over training';
  const { settings, levels, correction } = summary;
  if (levels.length < 2)
    return emptySection(heading, 'There is one level alone: it has none to be in conflict with.');
  if (settings.method !== 'ast')
    return emptySection(heading, 'Only alternating training compares the gradients of levels.');
  if (!settings.correction)
    return emptySection(heading, 'Gradient correction was off, so gradients were not compared.');
  const compared = shown.series
    .map((series, i) => ({ series, points: conflicts[i] }))
    .filter(({ points }) => points.length > 0);
  if (compared.length === 0) return emptySection(heading, 'Training was too short for a comparison.');
  return section(
    heading,
    `Weight tensors whose gradient points against that of the level trained just before, smoothed. They were corrected: ${whole(correction.conflicting_tensors)} of ${whole(correction.compared_tensors)} (${percent(correction.conflicting_tensors / correction.compared_tensors, 0)}).`,
    htmlChart(
      timeChart({
        description: 'Share of the compared tensors that were in conflict, by level, over the epochs',
        epochs: shown.epochs,
        series: compared.map(({ series }) => series),
        points: compared.map(({ points }) => inPercent(points)),
        y: { label: 'tensors in conflict (%)', zero: true, nice: true, ticks: 6 },
      }),
    ),
  );
}
