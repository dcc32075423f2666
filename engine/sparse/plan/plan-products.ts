import type { Value } from '../graph/graph.ts';
import type { ImageWriter } from './image.ts';
import type { FlatConv, FlatDense } from './lower.ts';
import type { ChooseForm, Product } from './product-forms.ts';
import { type SharedLists, shareLists } from './shared-lists.ts';
import { type At, productFields } from './step-fields.ts';
import type { StepFields } from './step-words.ts';

/** Until measured: time of a multiply-add where four output channels share each load, over that of a channel on its own. */
const sharedCost = 0.6;

/** A step, and in which of its forms it is. */
export type PlannedProduct = {
  fields: Partial<StepFields>;
  product: Pick<Product, 'forms' | 'form' | 'levels'>;
};

type Finished = { scale: Float32Array; bias: Float32Array };

/** Scale and bias of each level. */
export function planFinish(levels: Finished[], image: ImageWriter): { scale: number; bias: number }[] {
  const known: (Finished & { at: { scale: number; bias: number } })[] = [];
  return levels.map(({ scale, bias }) => {
    const same = known.find((entry) => isSame(entry.scale, scale) && isSame(entry.bias, bias));
    if (same) return same.at;
    const at = { scale: image.add(scale), bias: image.add(bias) };
    known.push({ scale, bias, at });
    return at;
  });
}

function isSame(a: Float32Array, b: Float32Array): boolean {
  return a.every((value, index) => Object.is(value, b[index]));
}

/** How many levels, from the densest on, satisfy. */
function countLeading(levels: Float32Array[], isSo: (own: Float32Array) => boolean): number {
  const first = levels.findIndex((own) => !isSo(own));
  return first < 0 ? levels.length : first;
}

function countNonzeros(weights: Float32Array): number {
  return weights.reduce((count, weight) => count + Number(weight !== 0), 0);
}

/** Columns of four rows of which at least one has a nonzero. */
function countFours(weights: Float32Array, columns: number): number {
  let count = 0;
  for (let at = 0; at < weights.length; at += at % columns === columns - 1 ? 3 * columns + 1 : 1)
    count += Number([0, 1, 2, 3].some((lane) => weights[at + lane * columns] !== 0));
  return count;
}

/**
 * Forms: how many levels, from the densest on, have output channels in fours, which share their loads and the zeros that one of the four has not;
 * in the others each channel has a list of its own. The levels of either kind share their lists.
 */
export function planConv(
  levels: FlatConv[],
  at: (value: Value) => At,
  image: ImageWriter,
  choose: ChooseForm,
): PlannedProduct {
  const [step] = levels as [FlatConv];
  const input = at(step.input);
  const outputs = step.output.shape[0];
  const columns = step.weights.length / outputs;
  const weights = levels.map((level) => level.weights);
  const inputsOfGroup = columns / step.taps.length;
  const outputsOfGroup = outputs / step.groups;
  const channelsOfPhase = step.groups * inputsOfGroup;
  /** From the output's pixel in the input's first plane to the column's input. */
  const offsetOf = (output: number, column: number) => {
    const tap = step.taps[column % step.taps.length];
    if (tap === undefined) throw new Error('a convolution must have taps');
    const channel =
      Math.floor(output / outputsOfGroup) * inputsOfGroup + Math.floor(column / step.taps.length);
    return (tap.phase * channelsOfPhase + channel) * input.plane + tap.rows * input.row + tap.columns;
  };
  const finish = planFinish(levels, image);
  const inFours = (some: Float32Array[]) => shareLists(some, { rows: outputs / 4, width: 4, columns });
  const alone = (some: Float32Array[]) => shareLists(some, { rows: outputs, width: 1, columns });
  const canShare = outputsOfGroup % 4 === 0;
  const forms = canShare ? levels.length + 1 : 1;
  const form = choose(forms, () =>
    countLeading(weights, (own) => 4 * sharedCost * countFours(own, columns) <= countNonzeros(own)),
  );
  const parts = [
    { lanes: 4 as const, lists: form > 0 ? inFours(weights.slice(0, form)) : undefined },
    { lanes: 1 as const, lists: form < levels.length ? alone(weights.slice(form)) : undefined },
  ].flatMap(({ lanes, lists }) => {
    if (lists === undefined) return [];
    const written = writeLists(lists, lanes, offsetOf, image);
    return written.levels.map((segments) => ({ width: lanes, list: written.list, segments }));
  });
  const fields = {
    ...productFields(step, at),
    ...writeTable(levels.length, image, (level) => ({
      ...(parts[level] ?? { width: 0, list: 0, segments: [] }),
      ...(finish[level] ?? { scale: 0, bias: 0 }),
    })),
  };
  return { fields, product: { forms, form, levels: levels.length } };
}

type TableRow = {
  width: number;
  list: number;
  scale: number;
  bias: number;
  segments: { starts: number; ends: number }[];
};

/** ebb_product_table, level by level. */
function writeTable(
  levels: number,
  image: ImageWriter,
  rowOf: (level: number) => TableRow,
): Pick<StepFields, 'table' | 'tableWords'> {
  const rows = Array.from({ length: levels }, (_, level) => rowOf(level));
  const tableWords = 5 + 2 * Math.max(...rows.map(({ segments }) => segments.length));
  const words = new Int32Array(levels * tableWords);
  for (const [level, { width, list, scale, bias, segments }] of rows.entries()) {
    const pairs = segments.flatMap(({ starts, ends }) => [starts, ends]);
    words.set([width, list, scale, bias, segments.length, ...pairs], level * tableWords);
  }
  return { table: image.add(words), tableWords };
}

/** Entries as the kernels read them: `ebb_nonzero` and `ebb_block`. */
function writeLists(
  lists: SharedLists,
  lanes: 1 | 4,
  offsetOf: (output: number, column: number) => number,
  image: ImageWriter,
) {
  const words = new Int32Array(lists.columns.length * (lanes + 1));
  const floats = new Float32Array(words.buffer);
  for (const { starts, ends } of lists.segments)
    starts.forEach((start, row) => {
      for (let entry = start; entry < (ends[row] ?? start); entry += 1) {
        const first = entry * (lanes + 1);
        floats.set(lists.weights.subarray(entry * lanes, (entry + 1) * lanes), first);
        words[first + lanes] = offsetOf(row * lanes, lists.columns[entry] ?? 0);
      }
    });
  const list = image.add(words);
  const segments = lists.segments.map(({ starts, ends }) => ({
    starts: image.add(starts),
    ends: image.add(ends),
  }));
  return { list, levels: lists.levels.map(({ first, count }) => segments.slice(first, first + count)) };
}

/** Until measured: from this share of nonzeros on, whole rows are faster than lists. */
const denseFrom = 0.25;

/** Forms: how many levels, from the densest on, have whole rows; the others have lists. */
export function planDense(
  levels: FlatDense[],
  at: (value: Value) => At,
  image: ImageWriter,
  choose: ChooseForm,
): PlannedProduct {
  const [step] = levels as [FlatDense];
  const outputs = step.output.shape[0];
  const columns = step.weights.length / outputs;
  const finish = planFinish(levels, image);
  const weights = levels.map((level) => level.weights);
  const forms = levels.length + 1;
  const form = choose(forms, () =>
    countLeading(weights, (own) => countNonzeros(own) > denseFrom * own.length),
  );
  const lists = shareLists(weights.slice(form), { rows: outputs, width: 1, columns });
  const written = form < levels.length ? writeLists(lists, 1, (_, column) => column, image) : undefined;
  const rows: { weights: Float32Array; at: number }[] = [];
  const rowsOf = (weights: Float32Array) => {
    const known = rows.find((entry) => isSame(entry.weights, weights));
    if (known) return known.at;
    const added = { weights, at: image.add(weights) };
    rows.push(added);
    return added.at;
  };
  const table = writeTable(levels.length, image, (level) => {
    const own = finish[level] ?? { scale: 0, bias: 0 };
    const { weights } = levels[level] ?? step;
    if (level < form) return { width: 0, list: rowsOf(weights), segments: [], ...own };
    return { width: 1, list: written?.list ?? 0, segments: written?.levels[level - form] ?? [], ...own };
  });
  const fields = { ...productFields(step, at), inputs: columns, ...table };
  return { fields, product: { forms, form, levels: levels.length } };
}
