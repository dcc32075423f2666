import * as Plot from '@observablehq/plot';
import { parseHTML } from 'linkedom';
import { levelColors } from './level-colors.ts';

/** The loss of one training step. */
export type CurvePoint = { iteration: number; level: number; loss: number };

/** Points of the drawn line of one level: more cannot be seen at this width and make the file heavy. */
const drawnPoints = 240;

const width = 760;
const plotHeight = 340;
const legendColumns = 4;
const legendRowHeight = 24;

/**
 * Draws the smoothed loss of every level over the iterations as an SVG document of its own, without scripts, outer files or fonts.
 *
 * @param points in the order of the iterations; losses that are no finite numbers are left out.
 * @param levels the sparsity of each level, for the legend.
 */
export function drawTrainingCurve(points: CurvePoint[], levels: number[]): string {
  const { document } = parseHTML('<!doctype html><html><body></body></html>');
  const names = levels.map(
    (sparsity, level) => `level ${level}: ${Number((100 * sparsity).toFixed(2))}% sparse`,
  );
  const colour = (level: number) => levelColors[level % levelColors.length];
  const lines = levels.map((_, level) => {
    const own = points.filter((point) => point.level === level && Number.isFinite(point.loss));
    return Plot.lineY(smooth(own), { x: 'iteration', y: 'loss', stroke: colour(level), strokeWidth: 2 });
  });
  const legendHeight = Math.ceil(names.length / legendColumns) * legendRowHeight;
  const height = plotHeight + legendHeight;
  const svg = Plot.plot({
    document,
    width,
    height,
    marginLeft: 60,
    marginRight: 24,
    marginTop: legendHeight + 24,
    marginBottom: 48,
    x: { label: 'iteration', labelAnchor: 'center', labelArrow: 'none', ticks: 8 },
    y: {
      label: 'loss, smoothed',
      labelAnchor: 'center',
      labelArrow: 'none',
      grid: true,
      zero: true,
      nice: true,
    },
    marks: [Plot.ruleY([0]), ...lines],
  });
  svg.setAttribute('xmlns', 'http://www.w3.org/2000/svg');
  svg.setAttribute('style', 'background: #ffffff; color: #222222');
  svg.setAttribute('font-size', '13');
  // The theme's style sheet is for pages; what it sets is said by the attributes above.
  svg.querySelector('style')?.remove();
  svg.insertAdjacentHTML('afterbegin', `<rect width="${width}" height="${height}" fill="#ffffff"></rect>`);
  svg.insertAdjacentHTML('beforeend', legend(names, colour));
  return `<?xml version="1.0" encoding="UTF-8"?>\n${svg.outerHTML}\n`;
}

/** A short line and a name for each level, in rows at the top. */
function legend(names: string[], colour: (level: number) => string): string {
  // Elements are closed in full: linkedom reads the piece as HTML, where "/>" closes nothing.
  const entries = names.map((name, level) => {
    const x = 60 + (level % legendColumns) * ((width - 84) / legendColumns);
    const y = 22 + Math.floor(level / legendColumns) * legendRowHeight;
    return `<line x1="${x}" y1="${y}" x2="${x + 20}" y2="${y}" stroke="${colour(level)}" stroke-width="3"></line><text x="${x + 27}" y="${y}" dy="0.35em" fill="#222222">${name}</text>`;
  });
  return `<g aria-label="legend" text-anchor="start">${entries.join('')}</g>`;
}

/** Mean over a window of a thirtieth of the points about each point, at so many points as can be seen. */
function smooth(points: CurvePoint[]): { iteration: number; loss: number }[] {
  const sums = new Float64Array(points.length + 1);
  for (const [i, { loss }] of points.entries()) sums[i + 1] = sums[i] + loss;
  const reach = Math.floor(points.length / 60);
  const step = Math.max(1, Math.ceil(points.length / drawnPoints));
  return points
    .map(({ iteration }, i) => {
      const from = Math.max(0, i - reach);
      const to = Math.min(points.length, i + reach + 1);
      return { iteration, loss: (sums[to] - sums[from]) / (to - from) };
    })
    .filter((_, i) => i % step === 0 || i === points.length - 1);
}
