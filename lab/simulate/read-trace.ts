import { readFile } from 'node:fs/promises';
import { basename, extname } from 'node:path';
import { parse as parseCsv } from 'csv-parse/sync';
import { UsageError } from '../../terminal/usage-error.ts';
import { type Trace, toTrace, traceSchema } from './trace.ts';

/** A CSV file's columns are a segment's keys; it ends as long after the last segment as that is after the one before. */
function fromCsv(text: string, name: string): unknown {
  const rows: Record<string, string>[] = parseCsv(text, {
    columns: true,
    trim: true,
    skip_empty_lines: true,
  });
  const segments = rows.map((row) =>
    Object.fromEntries(
      Object.entries(row)
        .filter(([, value]) => value !== '')
        .map(([key, value]) => [key, Number(value)]),
    ),
  );
  const at = (index: number) => segments.at(index)?.at_ms ?? 0;
  const lastMs = segments.length > 1 ? at(-1) - at(-2) : 1000;
  const kebab = name.toLowerCase().replace(/[^a-z0-9]+/g, '-');
  return { version: 1, name: kebab, source: name, duration_s: (at(-1) + lastMs) / 1000, segments };
}

/**
 * Reads a trace from JSON (see `traceSchema`) or CSV (columns `at_ms`, `slowdown`, and what else a segment has).
 * @throws UsageError that names every wrong key.
 */
export async function readTrace(path: string): Promise<Trace> {
  let value: unknown;
  try {
    const text = await readFile(path, 'utf8');
    const isCsv = extname(path).toLowerCase() === '.csv';
    value = isCsv ? fromCsv(text, basename(path, extname(path))) : JSON.parse(text);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT')
      throw new UsageError(
        `Cannot read trace "${path}" as the file must be there: there is none; name a file, or a drawn trace such as steps-1`,
        { cause },
      );
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new UsageError(`Cannot read trace "${path}" as it must be JSON or CSV: ${why}`, { cause });
  }
  const result = traceSchema.safeParse(value);
  if (result.success) return toTrace(result.data);
  const issues = result.error.issues.map(
    ({ path: keys, message }) => `${keys.join('.') || 'file'}: ${message}`,
  );
  throw new UsageError(
    `Cannot use trace "${path}": ${issues.slice(0, 5).join('; ')}; see docs/simulator.md for the format`,
  );
}
