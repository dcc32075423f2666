import { createReadStream } from 'node:fs';
import { PassThrough } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { parse } from 'csv-parse';

/** Text after unpacking. Its numbers take about as much memory. */
const maxBytes = 2 ** 29;
/** One row: some hundred thousand numbers. */
const maxRowBytes = 2 ** 23;

/** A row with the line it ends on, from 1. */
export type CsvRow = { record: string[]; info: { lines: number } };

/**
 * Streams the rows of a CSV file (RFC 4180; empty lines are left out), unpacked where its name ends in `.gz`.
 *
 * @throws Error where the file cannot be read, is too long, or is no CSV; what `take` throws.
 */
export async function eachCsvRow(path: string, take: (row: CsvRow) => void): Promise<void> {
  const parser = parse({
    bom: true,
    info: true,
    skip_empty_lines: true,
    relax_column_count: true, // whoever takes the rows says which cell is missing
    max_record_size: maxRowBytes,
  });
  try {
    await pipeline(
      createReadStream(path),
      path.endsWith('.gz') ? createGunzip() : new PassThrough(),
      (chunks: AsyncIterable<Buffer>) => bounded(chunks, path),
      parser,
      async (rows: AsyncIterable<CsvRow>) => {
        for await (const row of rows) take(row);
      },
    );
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === undefined) throw cause; // from `take` or `bounded`
    throw new Error(
      `Cannot read CSV file "${path}" as it must be a readable CSV file${path.endsWith('.gz') ? ', packed by gzip' : ''}: current error is ${code} (${message}); correct the path or the file`,
      { cause },
    );
  }
}

async function* bounded(chunks: AsyncIterable<Buffer>, path: string): AsyncGenerator<Buffer> {
  let bytes = 0;
  for await (const chunk of chunks) {
    bytes += chunk.length;
    if (bytes > maxBytes)
      throw new Error(
        `Cannot read CSV file "${path}" as it must hold ${maxBytes} bytes at most: current value is more${path.endsWith('.gz') ? ' once unpacked' : ''}; remove rows or columns`,
      );
    yield chunk;
  }
}
