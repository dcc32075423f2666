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

export type CsvDelimiter = ',' | ';' | '\t';

/**
 * Streams the rows of a CSV file (RFC 4180), unpacked where its name ends in `.gz`. A line ends with CRLF, LF or CR, each as it comes; rows
 * whose cells are all blank are left out. Columns are separated by what the header has most of: commas, semicolons or tabs.
 *
 * @returns the separator, and how many rows of blank cells were left out.
 * @throws Error where the file cannot be read, is too long, or is no CSV; what `take` throws.
 */
export async function eachCsvRow(
  path: string,
  take: (row: CsvRow, delimiter: CsvDelimiter) => void,
): Promise<{ delimiter: CsvDelimiter; blankRows: number }> {
  let delimiter: CsvDelimiter = ',';
  let blankRows = 0;
  try {
    await pipeline(
      createReadStream(path),
      path.endsWith('.gz') ? createGunzip() : new PassThrough(),
      (chunks: AsyncIterable<Buffer>) => bounded(chunks, path),
      async (chunks: AsyncIterable<Buffer>) => {
        const opened = await openHead(chunks);
        delimiter = delimiterOf(opened.head);
        const parser = parse({
          bom: true,
          info: true,
          delimiter,
          // The longest first. Without a list the parser would look for the first line's end alone.
          record_delimiter: ['\r\n', '\n', '\r'],
          relax_column_count: true, // whoever takes the rows says which cell is missing
          max_record_size: maxRowBytes,
        });
        await pipeline(opened.chunks, parser, async (rows: AsyncIterable<CsvRow>) => {
          for await (const row of rows) {
            if (row.record.some((cell) => cell.trim() !== '')) take(row, delimiter);
            else if (row.record.length > 1) blankRows += 1;
          }
        });
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
  return { delimiter, blankRows };
}

/** The text up to the end of the first line that is not blank, and all chunks, those that were read for it included. */
async function openHead(
  source: AsyncIterable<Buffer>,
): Promise<{ head: string; chunks: AsyncGenerator<Buffer> }> {
  const iterator = source[Symbol.asyncIterator]();
  const read: Buffer[] = [];
  let head = '';
  for (;;) {
    const { done, value } = await iterator.next();
    if (done) break;
    read.push(value);
    const all = Buffer.concat(read);
    const isUtf16 = all[0] === 0xff && all[1] === 0xfe;
    head = all.toString(isUtf16 ? 'utf16le' : 'utf8').replace(/^[\ufeff\s]+/, '');
    if (/[\r\n]/.test(head) || all.length > maxRowBytes) break;
  }
  async function* chunks(): AsyncGenerator<Buffer> {
    yield* read;
    yield* { [Symbol.asyncIterator]: () => iterator };
  }
  return { head, chunks: chunks() };
}

/** What separates the cells of the header: what it has most of outside quotes; a comma if that is undecided. */
export function delimiterOf(head: string): CsvDelimiter {
  const line = head.replace(/"(?:[^"]|"")*"/g, '').split(/[\r\n]/, 1)[0];
  const count = (character: string) => line.split(character).length;
  return ([',', ';', '\t'] as const).reduce((best, other) => (count(other) > count(best) ? other : best));
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
