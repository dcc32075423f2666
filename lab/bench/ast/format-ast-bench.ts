import { formatTable } from '../../../terminal/table.ts';
import type { AstBenchResult, MethodResult } from './ast-bench.ts';

const percent = (share: number) => (100 * share).toFixed(2);

/** Mean over the seeds, and the sample's standard deviation where there are several. */
function meanAndSpread(values: number[]): string {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  if (values.length === 1) return percent(mean);
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1);
  return `${percent(mean)} ± ${percent(Math.sqrt(variance))}`;
}

/** One row a method: test accuracy of every level, and what it cost. */
export function formatAstBench(result: AstBenchResult): string {
  const { setup, methods, variations } = result;
  const baseMacs = methods[0].cost.executedMacs;
  const row = (method: MethodResult) => [
    method.name,
    String(method.rate),
    ...method.test.map(meanAndSpread),
    String(method.test[0].length),
    method.cost.iterations.toLocaleString('en-US'),
    method.cost.seconds.toFixed(0),
    (method.cost.executedMacs / 1e12).toFixed(2),
    (method.cost.executedMacs / baseMacs).toFixed(2),
    method.conflicts === undefined ? '' : `${(100 * method.conflicts).toFixed(0)}%`,
  ];
  const table = formatTable(
    [
      { head: 'method' },
      { head: 'rate', align: 'right' },
      ...setup.levels.map((level) => ({ head: `${100 * Number(level)}% sparse`, align: 'right' as const })),
      { head: 'seeds', align: 'right' },
      { head: 'iterations', align: 'right' },
      { head: 'seconds', align: 'right' },
      { head: 'TMACs', align: 'right' },
      { head: 'cost', align: 'right' },
      { head: 'conflicts', align: 'right' },
    ],
    methods.map(row),
  );
  const parts = [
    `${setup.net} on ${setup.data}, ${setup.epochs} epochs, batch ${setup.batch}; test accuracy in %, ${result.machine}`,
    '',
    table,
  ];
  if (variations.length > 0)
    parts.push(
      '',
      'Variations of AST without correction, one seed, accuracy on held-out samples in %',
      '',
      formatTable(
        [
          { head: 'variation' },
          ...setup.levels.map((level) => ({
            head: `${100 * Number(level)}% sparse`,
            align: 'right' as const,
          })),
        ],
        variations.map(({ name, validation }) => [name, ...validation.map(percent)]),
      ),
    );
  return parts.join('\n');
}
