import Table from 'cli-table3';

export type Column = { head: string; align?: 'left' | 'right' };

/** Lays out rows as a borderless table: one line for the heads, one for each row, columns two spaces apart. */
export function formatTable(columns: Column[], rows: string[][]): string {
  const table = new Table({
    head: columns.map((column) => column.head),
    colAligns: columns.map((column) => column.align ?? 'left'),
    chars: {
      top: '',
      'top-mid': '',
      'top-left': '',
      'top-right': '',
      bottom: '',
      'bottom-mid': '',
      'bottom-left': '',
      'bottom-right': '',
      left: '',
      'left-mid': '',
      mid: '',
      'mid-mid': '',
      right: '',
      'right-mid': '',
      middle: '  ',
    },
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
  });
  table.push(...rows);
  return table.toString().replace(/[ \t]+$/gm, '');
}
