import { formatTable } from '../../../terminal/table.ts';
import type { EnginesBenchResult } from './engines-bench.ts';

/** One line a level, one column an engine and number of threads. */
export function formatEnginesBench({
  machine,
  peaks,
  levels,
  times,
  imageBytes,
}: EnginesBenchResult): string {
  const right = (head: string) => ({ head, align: 'right' as const });
  const columns = [...new Set(times.map(({ engine, threads }) => `${engine} ${threads}`))];
  const heads = [
    'level',
    'sparsity',
    'MMACs',
    ...columns.flatMap((name) => [`${name}: us`, 'speed', 'GFLOP/s', 'of peak']),
  ];
  const rows = levels.map(({ sparsity, macs }, level) => [
    String(level),
    sparsity.toFixed(3),
    (macs / 1e6).toFixed(2),
    ...columns.flatMap((name) => {
      const found = times.find((time) => time.level === level && `${time.engine} ${time.threads}` === name);
      return found
        ? [
            found.p50Us.toFixed(0),
            `${found.speedup.toFixed(2)}x`,
            found.gflops.toFixed(1),
            `${(100 * found.peakShare).toFixed(0)}%`,
          ]
        : ['-', '-', '-', '-'];
    }),
  ]);
  const peak = peaks.map(({ build, gflops }) => `${build} ${gflops.toFixed(0)} GFLOP/s`).join(', ');
  const megabytes = (bytes: number) => (bytes / 1e6).toFixed(2);
  return [
    formatTable(heads.map(right), rows),
    '',
    `${machine}; batch 1; engine and threads, median time, speed over ort's densest level, operations on nonzeros.`,
    ...(peak ? [`Peak of one core on registers: ${peak}.`] : []),
    `The sparse engine's image: ${megabytes(imageBytes.all)} MB for all levels, ${megabytes(imageBytes.densest)} MB for the densest alone (${(imageBytes.all / imageBytes.densest).toFixed(2)} times).`,
  ].join('\n');
}
