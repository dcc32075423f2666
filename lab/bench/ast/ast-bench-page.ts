import { htmlChart } from '../../../trainer/report/chart.ts';
import { type Html, html } from '../../../trainer/report/html.ts';
import { htmlPairs, htmlTable } from '../../../trainer/report/html-table.ts';
import { shortPercent } from '../../../trainer/report/numbers.ts';
import { emptySection, htmlPage, section } from '../../../trainer/report/page.ts';
import type { AstBenchResult } from './ast-bench.ts';
import { accuracyByCost, accuracyByMacs, accuracyByRate } from './ast-bench-charts.ts';
import { type BenchTable, levelName, methodTable, percent, variationTable } from './ast-bench-tables.ts';
import { variationWords } from './format-ast-bench.ts';

const drawTable = ({ columns, rows }: BenchTable) => htmlTable(columns, rows);

/** A comparison, whole or under way, as a page of its own. */
export function writeAstBenchPage(result: AstBenchResult): string {
  const { setup, variations, machine } = result;
  const seeds = setup.seeds === 1 ? 'one seed' : `${setup.seeds} seeds`;
  return htmlPage(`${setup.net} on ${setup.data.name}: AST against its rivals`, [
    html`<header>
<h1>AST against its rivals</h1>
<p class="lead">${setup.net} on ${setup.data.name}, ${setup.epochs} epochs, ${seeds}; ${machine}.</p>
<p>Alternating sparse training (AST) trains one level a step and all levels at the cost of one. Its rivals train every level alone, or all
levels in every step. Each has the learning rate of its grid that is best on held-out samples, and is counted on the test split.</p>
</header>
`,
    section(
      'Methods',
      'Test accuracy in %, mean over the seeds ± standard deviation. Training all levels with one seed took so many iterations, seconds (median) and executed multiply-accumulates (TMACs, trillions); cost is the latter as a multiple of the first method’s. Conflicts: compared tensors whose gradients pointed against each other.',
      drawTable(methodTable(result)),
    ),
    html`<div class="charts">`,
    section(
      'Accuracy against multiply-accumulates',
      'Up and to the left is better. Marks at the mean, whiskers from the least to the greatest of the seeds. Methods stand side by side; the multiply-accumulates of a level are the first method’s.',
      htmlChart(accuracyByMacs(result)),
    ),
    section(
      'Accuracy against the cost of training',
      'Mean over the levels; cost is counted in executed multiply-accumulates. Up and to the left is better. Whiskers from the least to the greatest of the seeds.',
      htmlChart(accuracyByCost(result)),
    ),
    section(
      'Choice of the learning rate',
      `Mean over the levels on the ${shortPercent(setup.validation)} of the training samples that were held out, first seed. AST tries twice each rate, as each of its levels sees a share of the steps.`,
      htmlChart(accuracyByRate(result)),
    ),
    section(
      'Learning rates in numbers',
      'Mean accuracy over the levels on the held-out samples in %, by rate. The one that was taken is bold.',
      gridTable(result),
    ),
    html`</div>
`,
    variations.length > 0
      ? section('Variations', `${variationWords}.`, drawTable(variationTable(result)))
      : emptySection('Variations', 'None were run, or not yet: see --vary.'),
    section(
      'Setup',
      'What every method shares.',
      htmlPairs([
        ['data', setup.data.name],
        ['SHA-256 of the data', setup.data.sha256],
        ['net', setup.net],
        ['width factor', String(setup.width)],
        ['levels', setup.levels.map(levelName).join(', ').replaceAll(' sparse,', ',')],
        ['epochs of each training', String(setup.epochs)],
        ['samples in a step', String(setup.batch)],
        ['training samples held out', shortPercent(setup.validation)],
        ['rates tried', setup.rates.join(', ')],
        ['seeds', String(setup.seeds)],
        ['back end asked for', setup.backend],
      ]),
    ),
  ]);
}

/** One row a method, one column a rate. */
function gridTable({ methods }: AstBenchResult): Html {
  const tried = methods.flatMap(({ grid }) => grid.map(({ rate }) => rate));
  const rates = [...new Set(tried)].toSorted((a, b) => a - b);
  return htmlTable(
    [{ head: 'method' }, ...rates.map((rate) => ({ head: String(rate), align: 'right' as const }))],
    methods.map(({ name, grid, rate: taken }) => [
      name,
      ...rates.map((rate) => {
        const point = grid.find((one) => one.rate === rate);
        if (!point) return '';
        return rate === taken ? html`<b>${percent(point.validation)}</b>` : percent(point.validation);
      }),
    ]),
  );
}
