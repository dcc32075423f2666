import type { Value } from '../graph/graph.ts';
import type { FlatGraph, FlatStep } from './lower.ts';
import { type Margins, marginsOf } from './taps.ts';

/**
 * How a value lies in memory, in words. An image's channels are planes; in a plane, rows stand `row` apart, with zeros between them that are
 * the right border of one row and the left border of the next. Before the first pixel stand `lead` zeros: the border above, which is also
 * the border below the plane before. A vector lies as it is.
 */
export type Layout = {
  lead: number;
  plane: number;
  rows: number;
  columns: number;
  row: number;
};

/** Planes begin at multiples of this many words, and what is stored behind their last pixel fills a multiple: one AVX-512 vector. */
export const alignment = 16;

const vectorLayout: Layout = { lead: 0, plane: 1, rows: 1, columns: 1, row: 1 };

/** Chooses the layout of every value: an output's rows must lie as far apart as those of all that its step reads along with it. */
export function layoutsOf(graph: FlatGraph): Map<string, Layout> {
  const values = new Map<string, Value>();
  const margins = new Map<string, Margins>();
  const groups = createGroups();
  const add = (value: Value) => values.set(value.name, value);
  add(graph.input);
  add(graph.output);
  for (const step of graph.steps) {
    for (const value of valuesOf(step)) add(value);
    groups.join(sameRows(step).map(({ name }) => name));
    if (step.kind === 'conv') {
      const needed = marginsOf(step.taps, step.input, step.output);
      margins.set(step.input.name, widest(margins.get(step.input.name), needed));
    }
  }
  const rows = new Map<string, number>();
  for (const { name, shape } of values.values()) {
    const { left, right } = margins.get(name) ?? none;
    const row = (shape[2] ?? 1) + Math.max(left, right);
    rows.set(groups.of(name), Math.max(rows.get(groups.of(name)) ?? 0, row));
  }
  return new Map(
    Array.from(values.values(), ({ name, shape }) => {
      if (shape.length === 1) return [name, vectorLayout];
      const [, height, width] = shape;
      const row = rows.get(groups.of(name)) ?? width;
      return [name, imageLayout(height, width, row, margins.get(name) ?? none)];
    }),
  );
}

const none: Margins = { top: 0, left: 0, bottom: 0, right: 0 };

function widest(a: Margins = none, b: Margins = none): Margins {
  return {
    top: Math.max(a.top, b.top),
    left: Math.max(a.left, b.left),
    bottom: Math.max(a.bottom, b.bottom),
    right: Math.max(a.right, b.right),
  };
}

function imageLayout(rows: number, columns: number, row: number, margins: Margins): Layout {
  const pixels = (rows - 1) * row + columns;
  const filled = roundUp(pixels);
  const above = margins.top * row + margins.left;
  const below = margins.bottom * row + margins.right - (filled - pixels);
  const lead = roundUp(Math.max(above, below, 0));
  return { lead, plane: lead + filled, rows, columns, row };
}

export function roundUp(words: number): number {
  return Math.ceil(words / alignment) * alignment;
}

export function valuesOf(step: FlatStep): Value[] {
  const others = 'other' in step && step.other ? [step.other] : [];
  return [...('inputs' in step ? step.inputs : [step.input]), ...others, step.output];
}

/** Values whose rows a step walks in one stride. */
function sameRows(step: FlatStep): Value[] {
  return step.kind === 'conv' || step.kind === 'map' || step.kind === 'softmax' ? valuesOf(step) : [];
}

/** Disjoint sets of names. */
function createGroups() {
  const parents = new Map<string, string>();
  const of = (name: string): string => {
    const parent = parents.get(name) ?? name;
    return parent === name ? name : of(parent);
  };
  const join = ([first, ...others]: string[]) => {
    for (const other of others)
      if (of(other) !== of(first ?? other)) parents.set(of(other), of(first ?? other));
  };
  return { of, join };
}
