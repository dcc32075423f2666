import * as Plot from '@observablehq/plot';
import type { Chart } from './chart.ts';
import type { CurvePoint } from './run-curves.ts';
import type { Series } from './series.ts';

/** So few points are shown one by one, since a line alone would show little or nothing. */
const markedPoints = 12;

/** One line for each series over the epochs. */
export function timeChart(options: {
  description: string;
  series: Series[];
  /** One list of points for each series. */
  points: CurvePoint[][];
  /** When training ends. */
  epochs: number;
  y: Plot.ScaleOptions;
}): Chart {
  const { description, series, points, epochs, y } = options;
  const marks = series.flatMap(({ color, dash, symbol }, i) => {
    const channels = { x: 'epoch', y: 'value' };
    const line = Plot.lineY(points[i], {
      ...channels,
      stroke: color,
      strokeWidth: 2,
      ...(dash === 'none' ? {} : { strokeDasharray: dash }),
    });
    const isMarked = points[i].length <= markedPoints;
    return isMarked ? [line, Plot.dot(points[i], { ...channels, symbol, fill: color, r: 3.5 })] : [line];
  });
  return {
    description,
    series,
    x: { label: 'epoch', domain: [0, epochs], ticks: epochs > 1 ? Math.min(8, Math.floor(epochs)) : 5 },
    y,
    marks: [Plot.ruleY(y.zero ? [0] : []), ...marks],
  };
}
