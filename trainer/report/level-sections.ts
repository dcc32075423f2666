import * as Plot from '@observablehq/plot';
import { describeUnclear, wilsonInterval } from '../../bundle/level-accuracy.ts';
import type { ManifestLevel } from '../../bundle/manifest.ts';
import type { LayerDensity } from '../net/layer-density.ts';
import { htmlChart } from './chart.ts';
import { type Html, html, trusted } from './html.ts';
import { htmlTable } from './html-table.ts';
import { kilobytes, percent, whole } from './numbers.ts';
import { emptySection, section } from './page.ts';
import { accuracyScale, macsScale } from './scales.ts';
import { type Series, swatch } from './series.ts';

export function levelsSection(levels: ManifestLevel[], series: Series[]): Html {
  const split = levels[0].accuracy?.split;
  const unclear = describeUnclear(levels.map(({ accuracy }) => accuracy));
  const head = (text: string) => ({ head: text, align: 'right' as const });
  const columns = [
    { head: 'level' },
    head(split === undefined ? 'accuracy' : `accuracy, ${split}`),
    head('MACs'),
    head('nonzero weights'),
    head('file'),
  ];
  return section(
    'Levels',
    'Sparsity is the share of zeros among the weights that masks may prune. MACs are multiply-accumulates on nonzero weights, for one sample; below them their share of level 0’s.' +
      (unclear === undefined ? '' : ` ${unclear}`),
    htmlTable(
      columns,
      levels.map(({ nonzeros, macs, bytes, sparsity, accuracy }, level) => [
        html`<span class="name"><svg viewBox="0 0 24 12" aria-hidden="true">${trusted(swatch(series[level]))}</svg>level ${level}</span>${small(`${percent(sparsity)} sparse`)}`,
        accuracy
          ? html`${percent(accuracy.value)}${small(`${whole(accuracy.correct)} of ${whole(accuracy.count)}`)}`
          : 'not counted',
        html`${whole(macs)}${small(percent(macs / levels[0].macs, 1))}`,
        whole(nonzeros),
        kilobytes(bytes),
      ]),
    ),
  );
}

const small = (text: string) => html` <span class="small">${text}</span>`;

/** Each level's accuracy against what one sample costs it. */
export function accuracySection(levels: ManifestLevel[], series: Series[]): Html {
  const heading = 'Accuracy against multiply-accumulates';
  const counted = levels.flatMap(({ macs, accuracy }, level) => {
    if (!accuracy) return [];
    const [low, high] = wilsonInterval(accuracy.correct, accuracy.count);
    return [
      {
        ...series[level],
        macs,
        percent: 100 * accuracy.value,
        low: 100 * low,
        high: 100 * high,
        split: accuracy.split,
      },
    ];
  });
  if (counted.length === 0) return emptySection(heading, 'The levels’ accuracy was not counted.');
  const { scale, unit } = macsScale(
    counted.map(({ macs }) => macs),
    'multiply-accumulates for one sample',
  );
  const points = counted.map((point) => ({ ...point, x: point.macs / unit }));
  return section(
    heading,
    `Up and to the left is better. Whiskers: what the count on the ${counted[0].split} samples speaks for at 95%.`,
    htmlChart({
      description: 'Accuracy of every level against its multiply-accumulates',
      series: counted,
      x: scale,
      y: accuracyScale(
        counted.flatMap(({ low, high }) => [low, high]),
        `accuracy, ${counted[0].split}`,
      ),
      marks: [
        Plot.lineY(points, {
          x: 'x',
          y: 'percent',
          stroke: 'currentColor',
          strokeOpacity: 0.45,
          strokeWidth: 1.5,
        }),
        Plot.ruleX(points, { x: 'x', y1: 'low', y2: 'high', stroke: 'color', strokeWidth: 1.5 }),
        ...points.map((point) =>
          Plot.dot([point], { x: 'x', y: 'percent', symbol: point.symbol, fill: point.color, r: 5 }),
        ),
      ],
    }),
  );
}

export function densitySection(density: LayerDensity[], series: Series[]): Html {
  const levelHeads = series.map((_, level) => ({ head: `level ${level}`, align: 'right' as const }));
  return section(
    'Density by layer',
    'The share of each layer’s weights that a level keeps. Layers at 100% in every level are never pruned, or were spared.',
    htmlTable(
      [{ head: 'layer' }, { head: 'weights', align: 'right' }, ...levelHeads],
      density.map(({ layer, shape, levels }) => [
        html`${layer}${small(shape.join(' × '))}`,
        whole(shape.reduce((product, length) => product * length, 1)),
        ...levels.map((share, level) => bar(share, series[level])),
      ]),
    ),
  );
}

function bar(share: number, { color }: Series): Html {
  return html`${percent(share, 1)}<span class="bar"><i style="width:${(100 * share).toFixed(1)}%;background:${color}"></i></span>`;
}
