import { someOf } from './junk.ts';

/** What the columns of a table of sensor vectors are. */
export type CsvColumns = {
  names: string[];
  /** Indices of the columns that hold numbers. */
  features: number[];
  /** Index of the column that holds the class. */
  label: number;
  /** Index of the column that holds `train` or `test`. */
  split: number | undefined;
};

/** Where a row stands; lines count from 1. */
export type CsvPlace = { path: string; line: number };

/** How a file's numbers are written: known from its first number that has a fraction. `none`: a comma is no part of a number. */
export type CsvDecimal = { mark: '.' | ',' | 'none' | undefined };

export type CsvSplit = 'train' | 'test';

/** Where a comma separates no cells it may stand in numbers, as most of Europe writes them. */
const withComma = /^[+-]?(\d+,\d+|,\d+)(e[+-]?\d+)?$/i;
const number = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

/**
 * Tells the columns by their names: the class stands in `label` or `class`, else in the last one; `split` is optional; all others are features.
 *
 * @param place for messages only.
 * @throws Error where a name is empty, a number or there twice, or no feature is left.
 */
export function parseCsvHeader(cells: string[], { path, line }: CsvPlace): CsvColumns {
  const names = cells.map((cell) => cell.trim());
  for (const [column, name] of names.entries()) {
    const first = names.indexOf(name);
    const fault = (required: string, current: string, cure: string) =>
      new Error(
        `Cannot read CSV file "${path}", line ${line}, column ${column + 1}, as ${required}: current value is ${current}; ${cure}`,
      );
    if (name === '' || number.test(name))
      throw fault(
        'the first row must name the columns',
        name === '' ? 'empty' : `"${name}"`,
        'put a header row above the numbers',
      );
    if (first < column)
      throw fault(
        'column names must differ',
        `"${name}", as in column ${first + 1}`,
        'rename or remove one of them',
      );
  }
  const find = (name: string) => names.findIndex((other) => other.toLowerCase() === name);
  const split = find('split') < 0 ? undefined : find('split');
  const named = [find('label'), find('class')].filter((column) => column >= 0);
  if (named.length === 2)
    throw new Error(
      `Cannot read CSV file "${path}", line ${line}, as one column must hold the class: current columns are "${names[named[0]]}" and "${names[named[1]]}"; rename or remove one of them`,
    );
  const label = named[0] ?? (split === names.length - 1 ? names.length - 2 : names.length - 1);
  const features = names.map((_, column) => column).filter((column) => column !== label && column !== split);
  if (label < 0 || features.length === 0)
    throw new Error(
      `Cannot read CSV file "${path}", line ${line}, as there must be a column of the class and one or more of numbers: current columns are ${someOf(names, 8)}; add columns, and separate them by commas`,
    );
  return { names, features, label, split };
}

/**
 * Reads a row's class, split and numbers.
 *
 * @param place for messages only.
 * @param decimal how the rows before write their numbers; it learns from this one.
 * @param into where the numbers go, beginning at `at`.
 * @throws Error where cells are missing, too many or empty, or no number where one belongs.
 */
export function parseCsvRow(
  cells: string[],
  columns: CsvColumns,
  { path, line }: CsvPlace,
  into: Float32Array,
  at: number,
  decimal: CsvDecimal = { mark: 'none' },
): { label: string; split: CsvSplit | undefined } {
  const { names, features } = columns;
  const fail = (column: number, required: string, current: string, cure: string): never => {
    throw new Error(
      `Cannot read CSV file "${path}", line ${line}, column ${column + 1} ("${names[column]}"), as ${required}: current value is ${current}; ${cure}`,
    );
  };
  if (cells.length !== names.length)
    throw new Error(
      `Cannot read CSV file "${path}", line ${line}, column ${Math.min(cells.length, names.length) + 1}, as every row must have the header's ${names.length} cells: current number is ${cells.length}; add what is missing, remove what is too much, or put cells with commas into quotes`,
    );
  const filled = (column: number): string => {
    const cell = cells[column].trim();
    return cell !== '' ? cell : fail(column, 'no cell may be empty', 'empty', 'fill it, or remove the row');
  };
  features.forEach((column, i) => {
    const cell = filled(column);
    const text = plainNumber(cell, decimal);
    const value = text === undefined ? Number.NaN : Math.fround(Number(text));
    if (!Number.isFinite(value))
      fail(
        column,
        'it must be a decimal number that 32 bits hold',
        `"${cell}"`,
        'correct it, remove the column, or call the column of the class "label"',
      );
    into[at + i] = value;
  });
  const label = filled(columns.label).normalize('NFC');
  if (columns.split === undefined) return { label, split: undefined };
  const split = filled(columns.split).toLowerCase();
  if (split === 'train' || split === 'test') return { label, split };
  return fail(columns.split, 'it must be train or test', `"${split}"`, 'correct it, or remove the column');
}

/** The number as JavaScript writes it; undefined if it is none, or if its comma may as well separate thousands. */
function plainNumber(cell: string, decimal: CsvDecimal): string | undefined {
  if (number.test(cell)) {
    if (cell.includes('.') && decimal.mark === ',') return undefined;
    if (cell.includes('.')) decimal.mark ??= '.';
    return cell;
  }
  if (!withComma.test(cell) || decimal.mark === '.' || decimal.mark === 'none') return undefined;
  decimal.mark = ',';
  return cell.replace(',', '.');
}
