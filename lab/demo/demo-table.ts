import { formatTable } from '../../terminal/table.ts';
import type { PhaseStatistics } from '../load/phase-statistics.ts';

export type DemoRow = PhaseStatistics & {
  policy: 'adaptive' | 'fixed';
  phase: string;
  swaps: number;
};

const percent = (share: number) => (Number.isNaN(share) ? '-' : `${(100 * share).toFixed(1)}%`);
const milliseconds = (value: number) => (Number.isNaN(value) ? '-' : value.toFixed(1));

/** One row for each phase of each policy. */
export function formatDemoTable(rows: DemoRow[]): string {
  const levels = rows[0]?.levelShare.length ?? 0;
  return formatTable(
    [
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
