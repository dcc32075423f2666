import { htmlChart } from '../../trainer/report/chart.ts';
import { type Html, html } from '../../trainer/report/html.ts';
import { htmlPairs, htmlTable } from '../../trainer/report/html-table.ts';
import { emptySection, htmlPage, section } from '../../trainer/report/page.ts';
import type { Simulated } from './simulate.ts';
import type { Trace } from './trace.ts';
import { conditionsChart, latencyChart, levelChart } from './trace-charts.ts';

const mostSwaps = 200;

/** One simulated trace as a page of its own. */
export function writeTracePage(options: {
  trace: Trace;
  result: Simulated;
  policy: string;
  deadlineMs: number;
}): string {
  const { trace, result, policy, deadlineMs } = options;
  const { durationMs } = trace;
  const percent = (share: number) => `${(100 * share).toFixed(2)}%`;
  return htmlPage(`${trace.name}, simulated`, [
    html`<header>
<h1>${trace.name}, simulated</h1>
<p class="lead">Policy ${policy}, deadline ${deadlineMs} ms; the trace: ${trace.source}.</p>
</header>
`,
    section(
      'Latency',
      'Every request when it came, coloured by the level that answered it. Below the dashed line is in time; crosses on top are refused requests.',
      htmlChart(latencyChart(result, { durationMs, deadlineMs }), { isWide: true }),
    ),
    html`<div class="charts">`,
    section(
      'Level',
      'The active level; 0, on top, is the densest.',
      htmlChart(levelChart(result, durationMs)),
    ),
    section(
      'What the device went through',
      'Slowdown of an undisturbed run, tasks that want the same core, and the rate of requests.',
      htmlChart(conditionsChart(trace)),
    ),
    html`</div>
`,
    section(
      'In numbers',
      'Relieved: answered by a sparser level than the active one, without a swap.',
      htmlPairs([
        ['requests', result.requests.toLocaleString('en-US')],
        ['in time', percent(result.hits / result.requests)],
        ['refused', String(result.refused)],
        ['mean accuracy', percent(result.accuracy)],
        ['swaps', String(result.swaps.length)],
        ['relieved', String(result.relieved)],
        ['energy', `${result.energyJ.total.toFixed(0)} J`],
        ['hottest', `${result.hottestC.toFixed(1)} C`],
      ]),
    ),
    swapsSection(result),
  ]);
}

function swapsSection({ swaps }: Simulated): Html {
  if (swaps.length === 0) return emptySection('Swaps', 'The level never changed.');
  return section(
    'Swaps',
    swaps.length > mostSwaps ? `The first ${mostSwaps}.` : 'Each with its reason.',
    htmlTable(
      [{ head: 'second', align: 'right' }, { head: 'from' }, { head: 'to' }, { head: 'reason' }],
      swaps
        .slice(0, mostSwaps)
        .map(({ atMs, from, to, reason }) => [(atMs / 1000).toFixed(1), String(from), String(to), reason]),
    ),
  );
}
