import { formatTable } from '../../terminal/table.ts';
import type { PhaseStatistics } from '../load/phase-statistics.ts';

export type PhaseRow = PhaseStatistics & {
  policy: string;
  phase: string;
  swaps: number;
};

const percent = (share: number) => (Number.isNaN(share) ? '-' : `${(100 * share).toFixed(1)}%`);
const milliseconds = (value: number) => (Number.isNaN(value) ? '-' : value.toFixed(1));

/** One row for each phase of each policy. @param options.lead heads and cells of columns that stand before. */
export function formatPhaseTable<Row extends PhaseRow>(
  rows: readonly Row[],
  lead: readonly { head: string; cell: (row: Row) => string }[] = [],
): string {
  const levels = rows[0]?.levelShare.length ?? 0;
  return formatTable(
    [
      ...lead.map(({ head }) => ({ head })),
      { head: 'policy' },
      { head: 'phase' },
      { head: 'requests', align: 'right' },
      { head: 'deadlines met', align: 'right' },
      { head: 'p50 ms', align: 'right' },
      { head: 'p99 ms', align: 'right' },
      ...Array.from({ length: levels }, (_, level) => ({ head: `level ${level}`, align: 'right' as const })),
      { head: 'accuracy', align: 'right' },
      { head: 'swaps', align: 'right' },
    ],
    rows.map((row) => [
      ...lead.map(({ cell }) => cell(row)),
      row.policy,
      row.phase,
      row.errors > 0 ? `${row.requests} (${row.errors} failed)` : String(row.requests),
      percent(row.deadlineHits),
      milliseconds(row.latencyP50Ms),
      milliseconds(row.latencyP99Ms),
      ...row.levelShare.map(percent),
      percent(row.accuracy),
      String(row.swaps),
    ]),
  );
}

/** Why requests failed, in a line for people; undefined if none did. */
export function describeFailures(rows: readonly PhaseRow[]): string | undefined {
  const failed = rows.reduce((total, { errors }) => total + errors, 0);
  if (failed === 0) return undefined;
  const first = rows.find(({ firstError }) => firstError !== undefined)?.firstError ?? 'no reason was given';
  return `${failed} ${failed === 1 ? 'request' : 'requests'} failed. The first one: ${first}`;
}
