import { formatTable } from '../../../terminal/table.ts';
import type { AstBenchResult } from './ast-bench.ts';
import { methodTable, variationTable } from './ast-bench-tables.ts';

export const variationWords =
  'Variations of AST without correction, one seed, accuracy on held-out samples in %';

/** One row a method: test accuracy of every level, and what it cost. */
export function formatAstBench(result: AstBenchResult): string {
  const { setup, machine } = result;
  const methods = methodTable(result);
  const parts = [
    `${setup.net} on ${setup.data.name}, ${setup.epochs} epochs, batch ${setup.batch}; test accuracy in %, ${machine}`,
    '',
    formatTable(methods.columns, methods.rows),
  ];
  if (result.variations.length > 0) {
    const variations = variationTable(result);
    parts.push('', variationWords, '', formatTable(variations.columns, variations.rows));
  }
  return parts.join('\n');
}
