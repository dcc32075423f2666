import { createReadStream } from 'node:fs';
import { type Metric, metricSchema } from './metric.ts';

/** A whole line of `metrics.jsonl`. */
export type MetricLine = {
  /** Counts from 1. */
  line: number;
  /** Bytes of the file up to the end of this line. */
  end: number;
} & ({ metric: Metric } | { fault: string });

const newline = 0x0a;

/**
 * The whole lines of a run's metrics, one by one: a long run's file does not fit into a string. A last line without its end was cut short
 * and is left out, empty lines too; a file that is absent has none.
 */
export async function* metricLines(path: string): AsyncGenerator<MetricLine> {
  let rest: Buffer = Buffer.alloc(0);
  let end = 0;
  let line = 0;
  try {
    for await (const chunk of createReadStream(path)) {
      let from = 0;
      const bytes = rest.length > 0 ? Buffer.concat([rest, chunk as Buffer]) : (chunk as Buffer);
      for (let at = bytes.indexOf(newline); at >= 0; at = bytes.indexOf(newline, from)) {
        line += 1;
        end += at + 1 - from;
        const text = bytes.toString('utf8', from, at).replace(/^\ufeff/, '');
        from = at + 1;
        if (text.trim() !== '') yield { line, end, ...parse(text) };
      }
      rest = bytes.subarray(from);
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

function parse(text: string): { metric: Metric } | { fault: string } {
  try {
    const parsed = metricSchema.safeParse(JSON.parse(text));
    if (parsed.success) return { metric: parsed.data };
    const [issue] = parsed.error.issues;
    return { fault: `${issue.path.join('.') || 'it'}: ${issue.message}` };
  } catch (error) {
    return { fault: (error as Error).message };
  }
}
