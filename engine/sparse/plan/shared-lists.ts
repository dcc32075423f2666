/** Nonzeros that a level has and the next sparser one has not, row by row. */
export type Segment = { starts: Int32Array; ends: Int32Array };

/** The nonzeros of rows (output channels, or fours of them that share a mask) at every level. */
export type SharedLists = {
  /** The entries' columns, and `width` weights of each. */
  columns: Int32Array;
  weights: Float32Array;
  segments: Segment[];
  /** By level: the segments that make it up, as a range of `segments`. */
  levels: { first: number; count: number }[];
};

/**
 * Lists the nonzeros of `rows * width` outputs so that levels share them: the sparsest level's come first, for all rows, then what each denser
 * one adds. A level is the number of segments that it reads, and what sparse levels read lies close together. Where a level does not keep all
 * that the sparser one has, with the same bits, it gets a list of its own.
 *
 * @param levels weights `[rows * width, columns]` of each level, densest first.
 */
export function shareLists(
  levels: Float32Array[],
  size: { rows: number; width: number; columns: number },
): SharedLists {
  const { rows, width, columns } = size;
  const bits = levels.map(({ buffer, byteOffset, length }) => new Int32Array(buffer, byteOffset, length));
  const lanes = Array.from({ length: width }, (_, lane) => lane * columns);
  const firstOf = (row: number) => row * width * columns;
  const entries: number[] = [];
  const values: number[] = [];
  const segments: Segment[] = [];
  const ranges: SharedLists['levels'] = [];
  /** By row and column: whether the segments of the level before hold it. */
  let held = new Uint8Array(rows * columns);
  let chain = 0;

  for (let level = levels.length - 1; level >= 0; level -= 1) {
    const own = levels[level] as Float32Array;
    const ownBits = bits[level] as Int32Array;
    const before = bits[level + 1];
    const isKept = (at: number) => lanes.some((lane) => own[at + lane] !== 0);
    if (before && !holdsAll({ held, rows, columns, firstOf, lanes, isKept, ownBits, before })) {
      held = new Uint8Array(rows * columns);
      chain = segments.length;
    }
    const segment = { starts: new Int32Array(rows), ends: new Int32Array(rows) };
    const from = entries.length;
    for (let row = 0; row < rows; row += 1) {
      segment.starts[row] = entries.length;
      for (let column = 0; column < columns; column += 1) {
        const at = firstOf(row) + column;
        if (held[row * columns + column] === 1 || !isKept(at)) continue;
        held[row * columns + column] = 1;
        entries.push(column);
        for (const lane of lanes) values.push(own[at + lane] as number);
      }
      segment.ends[row] = entries.length;
    }
    // Levels of the same weights are the same segments.
    if (entries.length > from || segments.length === chain) segments.push(segment);
    ranges[level] = { first: chain, count: segments.length - chain };
  }
  return {
    columns: Int32Array.from(entries),
    weights: Float32Array.from(values),
    segments,
    levels: ranges,
  };
}

/** Whether a level keeps every weight that is held, with the bits of the level before. */
function holdsAll(check: {
  held: Uint8Array;
  rows: number;
  columns: number;
  firstOf: (row: number) => number;
  lanes: number[];
  isKept: (at: number) => boolean;
  ownBits: Int32Array;
  before: Int32Array;
}): boolean {
  const { held, rows, columns, firstOf, lanes, isKept, ownBits, before } = check;
  for (let row = 0; row < rows; row += 1)
    for (let column = 0; column < columns; column += 1) {
      if (held[row * columns + column] === 0) continue;
      const at = firstOf(row) + column;
      if (!isKept(at) || lanes.some((lane) => ownBits[at + lane] !== before[at + lane])) return false;
    }
  return true;
}
