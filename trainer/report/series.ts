import { levelColors } from '../curve/level-colors.ts';
import { type Html, html, trusted } from './html.ts';

/** What tells one line of a chart from the others: colour, then shape and dashes, since colours come again after seven. */
export type Series = {
  name: string;
  color: string;
  dash: string;
  symbol: (typeof symbols)[number] | 'times';
};

const symbols = ['circle', 'square', 'triangle', 'diamond2', 'star'] as const;

export function seriesOf(names: string[]): Series[] {
  return names.map((name, i) => ({
    name,
    color: levelColors[i % levelColors.length],
    dash: i < levelColors.length ? 'none' : '6 3',
    symbol: symbols[i % symbols.length],
  }));
}

/** What failed: a cross alone, in a colour that no level has. */
export const failureSeries = (name: string): Series => ({
  name,
  color: '#b00020',
  dash: '0 30',
  symbol: 'times',
});

/** A short line with its mark. */
export function swatch({ color, dash, symbol }: Series): string {
  return `<line x1="0" y1="6" x2="24" y2="6" stroke="${color}" stroke-width="2" stroke-dasharray="${dash}"></line><path d="${shapes[symbol]}" fill="${color}"></path>`;
}

/** The mark alone, for a chart without lines, in a box of 14 x 12. */
export function spot({ color, symbol }: Series): string {
  return `<path transform="translate(-5,0)" d="${shapes[symbol]}" fill="${color}"></path>`;
}

/** Each about 8 units wide, about (12, 6). */
const shapes: Record<Series['symbol'], string> = {
  circle: 'M8 6a4 4 0 1 0 8 0a4 4 0 1 0 -8 0z',
  square: 'M8.5 2.5h7v7h-7z',
  triangle: 'M12 1.5l4.5 8h-9z',
  diamond2: 'M12 1l5 5l-5 5l-5 -5z',
  times:
    'M8 3.4l1.4 -1.4l2.6 2.6l2.6 -2.6l1.4 1.4l-2.6 2.6l2.6 2.6l-1.4 1.4l-2.6 -2.6l-2.6 2.6l-1.4 -1.4l2.6 -2.6z',
  star: 'M12.0 0.5L13.3 4.2L17.2 4.3L14.1 6.7L15.2 10.4L12.0 8.2L8.8 10.4L9.9 6.7L6.8 4.3L10.7 4.2z',
};

export function htmlLegend(series: Series[]): Html {
  const entries = series.map(
    (one) =>
      html`<li><svg viewBox="0 0 24 12" aria-hidden="true">${trusted(swatch(one))}</svg>${one.name}</li>`,
  );
  return html`<ul class="legend">${entries}</ul>`;
}
