import { basename } from 'node:path';
import { createRandom, mixSeed } from '../random.ts';
import { maxClasses } from './check-data-set.ts';
import { eachCsvRow } from './csv-rows.ts';
import { type CsvColumns, type CsvDecimal, type CsvSplit, parseCsvHeader, parseCsvRow } from './csv-table.ts';
import { channelStatistics, type DataSet } from './data-set.ts';
import { classCounts, drawPerClass, pickSamples, testQuotas } from './stratify.ts';

/** Share of each class that becomes the test split where the file has no column `split`. */
const testShare = 0.2;

type Table = {
  columns: CsvColumns;
  /** `[rows, features]`. */
  inputs: Float32Array;
  /** Index into `classes`, and split, of each row. */
  classes: { name: string; line: number }[];
  labels: number[];
  splits: (CsvSplit | undefined)[];
};

/**
 * Reads sensor vectors: a header row, then a vector and its class a row; plain or, where the name ends so, `.gz`.
 *
 * @param seed decides which rows of a file without a column `split` become the test split.
 * @throws Error where a cell is no number, a row is ragged, or a class has fewer than two rows.
 */
export async function readCsv(
  path: string,
  { seed, onNote }: { seed: number; onNote: (line: string) => void },
): Promise<DataSet> {
  const table = await readTable(path, onNote);
  checkClasses(table, path);
  const order = inOrder(table.classes.map(({ name }) => name));
  const rank = new Map(order.map((name, i) => [name, i]));
  const ranks = table.classes.map(({ name }) => rank.get(name) ?? 0);
  const labels = Uint16Array.from(table.labels, (label) => ranks[label]);
  const { drawn, others } =
    table.columns.split === undefined
      ? drawPerClass(
          labels,
          testQuotas(classCounts(labels, order.length), testShare),
          createRandom(mixSeed(seed, 'test')),
        )
      : { drawn: rowsOf(table, 'test'), others: rowsOf(table, 'train') };
  const all = { inputs: table.inputs, labels, count: labels.length };
  const train = pickSamples(all, others);
  const channels = table.columns.features.length;
  return {
    name: basename(path).replace(/(\.csv)?(\.gz)?$/i, ''),
    labels: order,
    height: 1,
    width: 1,
    channels,
    train,
    test: pickSamples(all, drawn),
    ...channelStatistics(train, channels, 1),
    augment: { pad: 0, flip: false },
  };
}

async function readTable(path: string, onNote: (line: string) => void): Promise<Table> {
  let columns: CsvColumns | undefined;
  let inputs = new Float32Array(2 ** 12);
  const known = new Map<string, number>();
  const classes: Table['classes'] = [];
  const labels: number[] = [];
  const splits: Table['splits'] = [];
  const decimal: CsvDecimal = { mark: undefined };
  const { delimiter, blankRows } = await eachCsvRow(path, ({ record, info: { lines: line } }, separator) => {
    if (columns === undefined) {
      columns = parseCsvHeader(record, { path, line });
      if (separator === ',') decimal.mark = 'none';
      return;
    }
    const at = labels.length * columns.features.length;
    const needed = at + columns.features.length;
    if (needed > inputs.length) {
      const larger = new Float32Array(2 * needed);
      larger.set(inputs);
      inputs = larger;
    }
    const { label, split } = parseCsvRow(record, columns, { path, line }, inputs, at, decimal);
    const index = known.get(label) ?? classes.push({ name: label, line }) - 1;
    known.set(label, index);
    labels.push(index);
    splits.push(split);
  });
  if (columns === undefined || labels.length === 0)
    throw new Error(
      `Cannot read CSV file "${path}" as it must hold a header row and rows of numbers: current number of rows below the header is 0; add rows`,
    );
  if (delimiter !== ',')
    onNote(`columns of "${path}" are separated by ${delimiter === ';' ? 'semicolons' : 'tabs'}`);
  if (decimal.mark === ',')
    onNote(`numbers of "${path}" are read with a decimal comma: 1,5 is one and a half`);
  if (blankRows > 0) onNote(`ignored ${blankRows} blank ${blankRows === 1 ? 'row' : 'rows'} of "${path}"`);
  return {
    columns,
    inputs: inputs.subarray(0, labels.length * columns.features.length),
    classes,
    labels,
    splits,
  };
}

/** By value where all names are numbers, else by code units. */
function inOrder(names: string[]): string[] {
  const numeric = names.every((name) => Number.isFinite(Number(name)));
  return [...names].sort(numeric ? (a, b) => Number(a) - Number(b) : undefined);
}

function checkClasses({ classes, columns, labels }: Table, path: string): void {
  const column = `column ${columns.label + 1} ("${columns.names[columns.label]}")`;
  const fault = (required: string, current: string, cure: string) =>
    new Error(
      `Cannot read CSV file "${path}", ${column}, as ${required}: current value is ${current}; ${cure}`,
    );
  const cure = 'call the column of the class "label", or correct the rows';
  if (classes.length < 2)
    throw fault('there must be two classes or more', `"${classes[0].name}" alone`, cure);
  if (classes.length > maxClasses)
    throw fault(`there must be ${maxClasses} classes at most`, `${classes.length}`, cure);
  const counts = classCounts(Uint16Array.from(labels), classes.length);
  const single = counts.findIndex((count) => count < 2);
  if (single >= 0)
    throw fault(
      'a class must have two rows or more',
      `1 row of "${classes[single].name}", line ${classes[single].line}`,
      'add rows of it or remove it, or call the column of the class "label"',
    );
}

function rowsOf({ splits }: Table, wanted: CsvSplit): Int32Array {
  return Int32Array.from(splits.flatMap((split, row) => (split === wanted ? [row] : [])));
}
