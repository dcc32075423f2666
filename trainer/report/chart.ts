import * as Plot from '@observablehq/plot';
import { parseHTML } from 'linkedom';
import { escapeHtml, type Html, html, trusted } from './html.ts';
import { htmlLegend, type Series, swatch } from './series.ts';

export type Chart = {
  /** What a reader hears who does not see it. */
  description: string;
  series: Series[];
  x: Plot.ScaleOptions;
  y: Plot.ScaleOptions;
  marks: Plot.Markish[];
};

/** So narrow that it can be read on a phone, where it shrinks, and that two of them stand side by side elsewhere. */
const pageSize = { width: 480, height: 290 };
/** For a chart that has the page's width to itself. */
const wideSize = { width: 1000, height: 380 };
const documentSize = { width: 760, height: 400 };
const axis = { labelAnchor: 'center', labelArrow: 'none' } as const;

function draw(
  { description, x, y, marks }: Chart,
  size: { width: number; height: number },
  top: number,
): string {
  const { document } = parseHTML('<!doctype html><html><body></body></html>');
  const svg = Plot.plot({
    document,
    ...size,
    marginTop: top,
    marginLeft: 62,
    marginRight: 20,
    marginBottom: 44,
    x: { ...axis, ...x },
    y: { ...axis, grid: true, ...y },
    marks,
  });
  svg.setAttribute('xmlns', 'http://www.w3.org/2000/svg');
  svg.setAttribute('role', 'img');
  svg.setAttribute('aria-label', escapeHtml(description));
  svg.setAttribute('font-size', '13');
  // Plot's own style sheet sets what the page or the attributes set.
  svg.querySelector('style')?.remove();
  return svg.outerHTML;
}

/** A chart and its legend as a part of a page, whose ink and font it takes. */
export function htmlChart(chart: Chart, { isWide = false } = {}): Html {
  return html`${htmlLegend(chart.series)}${trusted(draw(chart, isWide ? wideSize : pageSize, 14))}`;
}

const legendRowHeight = 24;
const legendLeft = 62;

/** A chart as an SVG document of its own on white, without scripts, style sheets, outer files or fonts. */
export function svgDocument(chart: Chart): string {
  const rows = legendRows(chart.series);
  const top = 20 + rows.length * legendRowHeight;
  const { width } = documentSize;
  const height = documentSize.height + rows.length * legendRowHeight;
  const entries = rows.flatMap((row, line) =>
    row.map(({ series, x }) => {
      const y = 14 + line * legendRowHeight;
      return `<g transform="translate(${x},${y - 6})">${swatch(series)}</g><text x="${x + 31}" y="${y}" dy="0.35em" fill="#1d2127">${escapeHtml(series.name)}</text>`;
    }),
  );
  const inner = `<rect width="${width}" height="${height}" fill="#ffffff"></rect><g aria-label="legend" text-anchor="start">${entries.join('')}</g>`;
  const svg = draw(chart, { width, height }, top).replace(
    /^<svg([^>]*)>/,
    (_, attributes: string) => `<svg${attributes} color="#1d2127">${inner}`,
  );
  return `<?xml version="1.0" encoding="UTF-8"?>\n${svg}\n`;
}

/** Names one after the other, in rows; a letter is taken to be 7.2 wide. */
function legendRows(series: Series[]): { series: Series; x: number }[][] {
  const rows: { series: Series; x: number }[][] = [[]];
  let x = legendLeft;
  for (const one of series) {
    const width = 31 + 7.2 * one.name.length + 22;
    if (x + width > documentSize.width && x > legendLeft) {
      rows.push([]);
      x = legendLeft;
    }
    rows[rows.length - 1].push({ series: one, x });
    x += width;
  }
  return rows;
}
