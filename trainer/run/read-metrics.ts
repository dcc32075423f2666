import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { type Metric, metricSchema } from './metrics-log.ts';

/** A run's metrics, line by line: a long run's file does not fit into a string. */
export async function* readMetrics(path: string): AsyncGenerator<Metric> {
  for await (const line of createInterface({
    input: createReadStream(path),
    crlfDelay: Number.POSITIVE_INFINITY,
  }))
    if (line !== '') yield metricSchema.parse(JSON.parse(line));
}
