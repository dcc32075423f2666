import type { RunSummary } from '../run/run-summary.ts';
import { conflictSection, lossSection, validationSection } from './curve-sections.ts';
import { type Html, html } from './html.ts';
import { htmlPairs } from './html-table.ts';
import { accuracySection, densitySection, levelsSection } from './level-sections.ts';
import { duration, large, megabytes, percent, shortPercent, whole } from './numbers.ts';
import { htmlPage, section } from './page.ts';
import type { RunCurves } from './run-curves.ts';
import { seriesOf } from './series.ts';
import { settingsPairs } from './settings-pairs.ts';

export type RunReport = {
  /** Of the bundle. */
  name: string;
  summary: RunSummary;
  /** The sparsity of each level that was asked for. */
  sparsities: number[];
  curves: RunCurves;
};

const methodWords = {
  ast: 'alternating sparse training, each step of one level',
  joint: 'joint training, each step of all levels',
  single: 'one level trained alone',
};

/** A run as a page of its own: what came out, how it went and what it cost. */
export function writeRunReport(report: RunReport): string {
  const { name, summary, sparsities, curves } = report;
  const { settings, levels } = summary;
  const series = seriesOf(
    sparsities.map((sparsity, level) => `level ${level}: ${shortPercent(sparsity)} sparse`),
  );
  const shown = { series, epochs: settings.epochs };
  const data = levels[0].accuracy?.data ?? settings.data;
  return htmlPage(`${name}: training report`, [
    html`<header>
<h1>${name}</h1>
<p class="lead">${settings.net} on ${data}; ${methodWords[settings.method]}; ${settings.epochs} ${settings.epochs === 1 ? 'epoch' : 'epochs'}, ${whole(summary.cost.iterations)} iterations.</p>
${outcome(levels)}
</header>
`,
    levelsSection(levels, series),
    html`<div class="charts">`,
    accuracySection(levels, series),
    validationSection(curves.validation, shown, settings.validation),
    lossSection(curves.loss, shown),
    conflictSection(curves.conflicts, shown, summary),
    html`</div>
`,
    densitySection(summary.density, series),
    costSection(summary),
    section(
      'Settings',
      'With the same settings, data and back end, training gives the same weights.',
      htmlPairs(settingsPairs(settings)),
    ),
  ]);
}

/** What a reader wants to know first. */
function outcome(levels: RunSummary['levels']): Html {
  const [first] = levels;
  const last = levels[levels.length - 1];
  if (levels.length < 2 || !first.accuracy || !last.accuracy) return html``;
  return html`<p class="lead">The sparsest level needs ${percent(last.macs / first.macs, 0)} of the densest level’s multiply-accumulates
and gives the right answer on ${percent(last.accuracy.value, 1)} of the ${last.accuracy.split} samples; the densest does on ${percent(first.accuracy.value, 1)}.</p>`;
}

function costSection({ cost, backend, levels }: RunSummary): Html {
  const note =
    levels.length > 1
      ? 'Of training all levels, without the export. MACs are the multiply-accumulates of all passes; a pass computes the dense net, whatever the masks.'
      : 'Of training, without the export. MACs are the multiply-accumulates of all passes; a pass computes the dense net, whatever the mask.';
  return section(
    'Cost',
    note,
    htmlPairs([
      ['time', duration(cost.seconds)],
      ['iterations', whole(cost.iterations)],
      ['pace', `${whole(cost.images_per_second)} samples/s`],
      ['executed MACs', large(cost.executed_macs)],
      ['peak memory of the main process', megabytes(cost.peak_rss_bytes)],
      ['back end', backend === 'node' ? 'TensorFlow (tfjs-node)' : 'WebAssembly'],
    ]),
  );
}
