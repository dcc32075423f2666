import * as Plot from '@observablehq/plot';
import type { Chart } from '../../../trainer/report/chart.ts';
import { accuracyScale, macsScale } from '../../../trainer/report/scales.ts';
import { type Series, seriesOf } from '../../../trainer/report/series.ts';
import type { AstBenchResult } from './ast-bench.ts';
import { mean } from './spread.ts';

type Point = { x: number; accuracy: number; low: number; high: number };

/** Pixels between methods that would else stand on one spot. */
const apart = 5;

function spot(x: number, accuracies: number[]): Point {
  const percents = accuracies.map((share) => 100 * share);
  return { x, accuracy: mean(percents), low: Math.min(...percents), high: Math.max(...percents) };
}

/** A mark at the mean, with whiskers from the least to the greatest of the seeds, moved aside by `dx` pixels. */
function spots(points: Point[], { color, symbol }: Series, dx: number): Plot.Markish[] {
  return [
    Plot.ruleX(points, { x: 'x', y1: 'low', y2: 'high', stroke: color, strokeWidth: 1.5, dx }),
    Plot.dot(points, { x: 'x', y: 'accuracy', symbol, fill: color, r: 4.5, dx }),
  ];
}

/** Test accuracy of every level against its multiply-accumulates, one line a method. */
export function accuracyByMacs({ methods, macs }: AstBenchResult): Chart {
  const series = seriesOf(methods.map(({ name }) => name));
  const { scale, unit } = macsScale(macs, 'multiply-accumulates for one sample');
  const lines = methods.map(({ test }) =>
    test.map((accuracies, level) => spot(macs[level] / unit, accuracies)),
  );
  const marks = lines.flatMap((points, i) => {
    const dx = apart * (i - (lines.length - 1) / 2);
    const line = { x: 'x', y: 'accuracy', stroke: series[i].color, strokeWidth: 1.5, strokeOpacity: 0.6, dx };
    return [Plot.lineY(points, line), ...spots(points, series[i], dx)];
  });
  return {
    description: 'Test accuracy of every level against its multiply-accumulates, by method of training',
    series,
    x: scale,
    y: accuracyScale(rangeOf(lines), 'test accuracy'),
    marks,
  };
}

/** Mean test accuracy over the levels against what training them all cost, as a multiple of the first method's. */
export function accuracyByCost({ methods }: AstBenchResult): Chart {
  const series = seriesOf(methods.map(({ name }) => name));
  const base = methods[0].cost.executedMacs;
  const points = methods.map(({ test, cost }) =>
    spot(
      cost.executedMacs / base,
      test[0].map((_, seed) => mean(test.map((accuracies) => accuracies[seed]))),
    ),
  );
  const marks = points.flatMap((point, i) => {
    const near = points.map(({ x }) => Math.abs(x - point.x) < 0.04);
    const turn = near.slice(0, i).filter(Boolean).length;
    const all = near.filter(Boolean).length;
    return spots([point], series[i], 3 * apart * (turn - (all - 1) / 2));
  });
  return {
    description: 'Mean test accuracy over the levels against the cost of training, by method of training',
    series,
    x: {
      label: 'cost of training (multiples of the first method’s)',
      domain: [0, 1.1 * Math.max(...points.map(({ x }) => x))],
      ticks: 5,
    },
    y: accuracyScale(rangeOf([points]), 'mean test accuracy'),
    marks,
  };
}

function rangeOf(lines: Point[][]): number[] {
  return lines.flat().flatMap(({ low, high }) => [low, high]);
}

/** Held-out accuracy against the peak of the learning rate, one line a method. */
export function accuracyByRate({ methods }: AstBenchResult): Chart {
  const series = seriesOf(methods.map(({ name }) => name));
  const grids = methods.map(({ grid }) =>
    grid.map(({ rate, validation }) => ({ rate, accuracy: 100 * validation })),
  );
  const rates = [...new Set(grids.flat().map(({ rate }) => rate))].toSorted((a, b) => a - b);
  return {
    description: 'Held-out accuracy against the peak of the learning rate, by method of training',
    series,
    x: {
      type: 'log',
      // d3 leaves labels of a log scale out, unless they are near a power of its base.
      base: 2,
      label: 'peak of the learning rate',
      domain: [rates[0] / 1.2, rates[rates.length - 1] * 1.2],
      ticks: rates,
      tickFormat: String,
    },
    y: accuracyScale(
      grids.flat().map(({ accuracy }) => accuracy),
      'mean held-out accuracy',
    ),
    marks: grids.flatMap((grid, i) => [
      Plot.lineY(grid, { x: 'rate', y: 'accuracy', stroke: series[i].color, strokeWidth: 1.5 }),
      Plot.dot(grid, { x: 'rate', y: 'accuracy', symbol: series[i].symbol, fill: series[i].color, r: 4.5 }),
    ]),
  };
}
