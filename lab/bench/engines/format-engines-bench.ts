import { formatTable } from '../../../terminal/table.ts';
import type { EnginesBenchResult } from './engines-bench.ts';

/** One line for each level, engine and number of threads: it fits a terminal however many there are. */
export function formatEnginesBench({
  machine,
  peaks,
  gains,
  levels,
  times,
  imageBytes,
}: EnginesBenchResult): string {
  const right = (head: string) => ({ head, align: 'right' as const });
  const heads = [
    right('level'),
    right('sparsity'),
    right('MMACs'),
    { head: 'engine' },
    ...['threads', 'p50 us', 'speed', 'GFLOP/s', 'of peak'].map(right),
  ];
  const rows = levels.flatMap(({ sparsity, macs }, level) =>
    times
      .filter((time) => time.level === level)
      .map((time, index) => [
        ...(index === 0 ? [String(level), sparsity.toFixed(3), (macs / 1e6).toFixed(2)] : ['', '', '']),
        time.engine,
        String(time.threads),
        time.p50Us.toFixed(0),
        `${time.speedup.toFixed(2)}x`,
        time.gflops.toFixed(1),
        `${(100 * time.peakShare).toFixed(0)}%`,
      ]),
  );
  const peak = peaks.map(({ build, gflops }) => `${build} ${gflops.toFixed(0)} GFLOP/s`).join(', ');
  const megabytes = (bytes: number) => (bytes / 1e6).toFixed(2);
  return [
    formatTable(heads, rows),
    '',
    `${machine}; batch 1; median time; speed over ort's densest level with as many threads; operations on nonzeros.`,
    ...(peak ? [`Peak of one core on registers: ${peak}.`] : []),
    ...gains.map(
      ({ threads, gain }) =>
        `${threads} threads do ${gain.toFixed(2)} times the work of one on registers: an engine gains no more here.`,
    ),
    `The sparse engine's image: ${megabytes(imageBytes.all)} MB for all levels, ${megabytes(imageBytes.densest)} MB for the densest alone (${(imageBytes.all / imageBytes.densest).toFixed(2)} times).`,
  ].join('\n');
}
