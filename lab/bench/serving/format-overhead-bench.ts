import { formatTable } from '../../../terminal/table.ts';
import type { OverheadBenchResult } from './overhead-bench.ts';

/** What ebb wants of itself at the median. */
const aims: { [way: string]: string } = { 'library call': 'below 0.2', 'HTTP binary': 'below 1' };

export function formatOverheadBench(result: OverheadBenchResult): string {
  const { machine, level, engine, rounds, requests, atOtherLevels, different, ways } = result;
  const right = (head: string) => ({ head, align: 'right' as const });
  const table = formatTable(
    [{ head: 'way' }, ...['p50 ms', 'p90 ms', 'p99 ms', 'over the engine, p50 ms', 'aim'].map(right)],
    ways.map(({ way, p50Ms, p90Ms, p99Ms, overMs }) => [
      way,
      ...[p50Ms, p90Ms, p99Ms, overMs].map((ms) => ms.toFixed(3)),
      aims[way] ?? '',
    ]),
  );
  return [
    table,
    '',
    `${machine}; level ${level} on "${engine}", one request at a time, ${rounds} rounds of ${requests} requests by each way in turn.`,
    'Over the engine: median over the rounds of the differences of their medians. HTTP from another process, its client counted.',
    `${different} answers differ from their level's own; ${atOtherLevels} of other levels are left out.`,
  ].join('\n');
}
