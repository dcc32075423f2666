import { open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { appendFileDurable } from '../../bundle/append-file-durable.ts';
import { syncFolder } from '../../bundle/sync-folder.ts';
import type { Metric } from './metric.ts';
import { metricLines } from './metric-lines.ts';
import { metricFault } from './read-metrics.ts';

/** Appends metrics to a file; they reach it when they are flushed, so that memory stays flat and steps wait for no disk. */
export type MetricsLog = {
  add(metric: Metric): void;
  /** Writes what was added to the disk, and gives the file's length: a checkpoint that names it is saved after that. */
  flush(): Promise<number>;
  /** Steps done whose lines an older file lacks: a power loss took them. */
  missing: number;
};

/**
 * Opens the log of a new run, or of one that goes on.
 *
 * @param known steps done, and the file's length, as the checkpoint says. What is kept of an older file are the whole lines of these steps
 * within this length: all beyond belongs to steps that are done again.
 * @throws Error that names path, line and cure if a line that is kept is no metric.
 */
export async function openMetricsLog(
  path: string,
  known: { done: number; bytes: number } = { done: 0, bytes: 0 },
): Promise<MetricsLog> {
  const kept = await keptLines(path, known);
  const file = await open(path, 'a+');
  try {
    await file.truncate(kept.bytes);
    await file.sync();
  } finally {
    await file.close();
  }
  await syncFolder(dirname(path));
  let pending: string[] = [];
  let { bytes } = kept;
  return {
    missing: Math.max(0, known.done - kept.steps),
    add(metric) {
      pending.push(`${JSON.stringify(metric)}\n`);
    },
    async flush() {
      const text = Buffer.from(pending.join(''));
      pending = [];
      if (text.length > 0) await appendFileDurable(path, text);
      bytes += text.length;
      return bytes;
    },
  };
}

async function keptLines(
  path: string,
  { done, bytes }: { done: number; bytes: number },
): Promise<{ bytes: number; steps: number }> {
  const kept = { bytes: 0, steps: 0 };
  if (bytes === 0) return kept;
  for await (const entry of metricLines(path)) {
    if (entry.end > bytes) break;
    if (!('metric' in entry)) throw metricFault(path, entry);
    const { kind, iteration } = entry.metric;
    // A step's iteration counts from 0, an epoch's says how many steps were done.
    if (iteration > (kind === 'step' ? done - 1 : done)) break;
    if (kind === 'step') kept.steps += 1;
    kept.bytes = entry.end;
  }
  return kept;
}
