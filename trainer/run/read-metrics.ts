import type { Metric } from './metric.ts';
import { metricLines } from './metric-lines.ts';

/**
 * A run's metrics, line by line. A last line that was cut short is left out.
 *
 * @param onFault what to do with a line that is no metric; default: throw.
 * @throws Error that names path, line and cure.
 */
export async function* readMetrics(
  path: string,
  onFault: (fault: Error) => void = (fault) => {
    throw fault;
  },
): AsyncGenerator<Metric> {
  for await (const entry of metricLines(path))
    if ('metric' in entry) yield entry.metric;
    else onFault(metricFault(path, entry));
}

export function metricFault(path: string, { line, fault }: { line: number; fault: string }): Error {
  return new Error(
    `Cannot read metrics "${path}", line ${line}, as it must be a metric in JSON: current error is "${fault}"; remove the line to go on without it`,
  );
}
