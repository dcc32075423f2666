import Table from 'cli-table3';

export type Column = { head: string; align?: 'left' | 'right' };

const gap = 2;

/** Width of the last column that keeps the table within `width`; undefined where it does without wrapping. */
function lastWidth(columns: Column[], rows: string[][], width: number): number | undefined {
  const widest = columns.map(({ head }, index) =>
    Math.max(head.length, ...rows.map((row) => row[index]?.length ?? 0)),
  );
  const last = widest.pop() ?? 0;
  const others = widest.reduce((sum, one) => sum + one + gap, 0);
  return others + last > width ? Math.max(20, width - others) : undefined;
}

/**
 * Lays out rows as a borderless table: one line for the heads, one for each row, columns two spaces apart.
 * @param width where given, the last column is wrapped between words to keep the table within it.
 */
export function formatTable(columns: Column[], rows: string[][], width = Number.POSITIVE_INFINITY): string {
  const last = lastWidth(columns, rows, width);
  const table = new Table({
    ...(last === undefined
      ? {}
      : {
          colWidths: columns.map((_, index) => (index === columns.length - 1 ? last : null)),
          wordWrap: true,
        }),
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
