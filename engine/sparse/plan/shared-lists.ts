/** The nonzeros of one row (an output channel, or four that share a mask) at every level. */
export type SharedLists = {
  /** Row by row: index of the entry's column, and its `width` weights. */
  columns: Int32Array;
  weights: Float32Array;
  /** By level and row: first entry, and one behind the last. */
  starts: Int32Array[];
  ends: Int32Array[];
};

/**
 * Lists the nonzeros of `rows * width` outputs so that levels share them: in a row, the sparsest level's come first, then what each denser
 * one adds; a level is the place where it ends. Where a level does not keep all that the sparser one has, with the same bits, its row gets a
 * list of its own.
 *
 * @param levels weights `[rows * width, columns]` of each level, densest first.
 */
export function shareLists(
  levels: Float32Array[],
  size: { rows: number; width: number; columns: number },
): SharedLists {
  const { rows, width, columns } = size;
  const bits = levels.map(({ buffer, byteOffset, length }) => new Int32Array(buffer, byteOffset, length));
  const starts = levels.map(() => new Int32Array(rows));
  const ends = levels.map(() => new Int32Array(rows));
  const entries: number[] = [];
  const values: number[] = [];
  const lanes = Array.from({ length: width }, (_, lane) => lane * columns);

  for (let row = 0; row < rows; row += 1) {
    const first = row * width * columns;
    let start = entries.length;
    /** The level that last wrote to this row's list, and which columns the list holds. */
    let writer = -1;
    let held = new Uint8Array(columns);
    for (let level = levels.length - 1; level >= 0; level -= 1) {
      const own = levels[level] ?? new Float32Array();
      const isKept = (column: number) => lanes.some((lane) => own[first + lane + column] !== 0);
      const isSame = (column: number) =>
        isKept(column) &&
        lanes.every((lane) => bits[level]?.[first + lane + column] === bits[writer]?.[first + lane + column]);
      if (writer >= 0 && !held.every((isHeld, column) => isHeld === 0 || isSame(column))) {
        start = entries.length;
        held = new Uint8Array(columns);
      }
      for (let column = 0; column < columns; column += 1) {
        if (held[column] === 1 || !isKept(column)) continue;
        held[column] = 1;
        entries.push(column);
        for (const lane of lanes) values.push(own[first + lane + column] ?? 0);
      }
      writer = level;
      (starts[level] as Int32Array)[row] = start;
      (ends[level] as Int32Array)[row] = entries.length;
    }
  }
  return { columns: Int32Array.from(entries), weights: Float32Array.from(values), starts, ends };
}

/** Entries of a level in all rows. */
export function countEntries({ starts, ends }: SharedLists, level: number): number {
  return (ends[level] ?? new Int32Array()).reduce(
    (sum, end, row) => sum + end - (starts[level]?.[row] ?? 0),
    0,
  );
}
