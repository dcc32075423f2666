import { escapeHtml } from '../../trainer/report/html.ts';
import type { Series } from '../../trainer/report/series.ts';
import { spot } from '../../trainer/report/series.ts';

const rowHeight = 22;
/** Of the key, and what is between it and its name. */
const keyWidth = 20;

export type LegendOptions = {
  levels: Series[];
  /** Name of the crosses; absent: there are none. */
  failed?: string;
  /** What was done to the machine in the shaded times. */
  stresses: string[];
  left: number;
  width: number;
};

/** What the colours, the crosses and the shade mean, in rows above the panels; a letter is taken to be 6.6 wide. */
export function drawLegend(options: LegendOptions): { svg: string; height: number } {
  const { levels, failed, stresses, left, width } = options;
  const cross = '<path d="M3.5 2.5l7 7m0 -7l-7 7" stroke="#b00020" stroke-width="1.5" fill="none"></path>';
  const shade = '<rect x="0" y="0" width="14" height="12" fill="#f1ecdf" stroke="#d8cfb8"></rect>';
  const entries = [
    ...levels.map((one) => ({ key: spot(one), name: one.name })),
    ...(failed === undefined ? [] : [{ key: cross, name: failed }]),
    ...stresses.map((what) => ({ key: shade, name: what })),
  ];
  let [x, row] = [left, 0];
  const drawn = entries.map(({ key, name }) => {
    const length = keyWidth + 6.6 * name.length + 18;
    if (x > left && x + length > width) [x, row] = [left, row + 1];
    const y = 8 + row * rowHeight;
    const entry = `<g transform="translate(${x},${y})">${key}</g><text x="${x + keyWidth}" y="${y + 6}" dy="0.35em">${escapeHtml(name)}</text>`;
    x += length;
    return entry;
  });
  const svg = `<g aria-label="legend" fill="#222" text-anchor="start">${drawn.join('')}</g>`;
  return { svg, height: 8 + (row + 1) * rowHeight };
}
