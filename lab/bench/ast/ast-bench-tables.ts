import type { Column } from '../../../terminal/table.ts';
import type { AstBenchResult, MethodResult } from './ast-bench.ts';
import { deviation, mean } from './spread.ts';

export type BenchTable = { columns: Column[]; rows: string[][] };

export const percent = (share: number) => (100 * share).toFixed(2);

export function levelName(sparsity: string): string {
  return `${Number((100 * Number(sparsity)).toFixed(2))}% sparse`;
}

/** Mean over the seeds, and the sample's standard deviation where there are several. */
function meanAndSpread(values: number[]): string {
  if (values.length === 1) return percent(mean(values));
  return `${percent(mean(values))} ± ${percent(deviation(values))}`;
}

const levelColumns = (result: AstBenchResult): Column[] =>
  result.setup.levels.map((level) => ({ head: levelName(level), align: 'right' }));

/** One row a method: test accuracy of every level, and what it cost. */
export function methodTable(result: AstBenchResult): BenchTable {
  const { methods } = result;
  const baseMacs = methods[0].cost.executedMacs;
  const row = (method: MethodResult) => [
    method.name,
    String(method.rate),
    ...method.test.map(meanAndSpread),
    String(method.test[0].length),
    method.cost.iterations.toLocaleString('en-US'),
    Math.round(method.cost.seconds).toLocaleString('en-US'),
    (method.cost.executedMacs / 1e12).toFixed(2),
    (method.cost.executedMacs / baseMacs).toFixed(2),
    method.conflicts === undefined ? '' : `${(100 * method.conflicts).toFixed(0)}%`,
  ];
  return {
    columns: [
      { head: 'method' },
      { head: 'rate', align: 'right' },
      ...levelColumns(result),
      { head: 'seeds', align: 'right' },
      { head: 'iterations', align: 'right' },
      { head: 'seconds', align: 'right' },
      { head: 'TMACs', align: 'right' },
      { head: 'cost', align: 'right' },
      { head: 'conflicts', align: 'right' },
    ],
    rows: methods.map(row),
  };
}

/** One row a change to AST without correction: held-out accuracy of every level. */
export function variationTable(result: AstBenchResult): BenchTable {
  return {
    columns: [{ head: 'variation' }, ...levelColumns(result)],
    rows: result.variations.map(({ name, validation }) => [name, ...validation.map(percent)]),
  };
}
