import type { Value } from '../graph/graph.ts';
import type { Layout } from './layouts.ts';
import { roundUp, valuesOf } from './layouts.ts';
import type { FlatGraph } from './lower.ts';

type Slot = { from: number; count: number; freeAfter: number };

/**
 * Gives every value its place. Memory is used again as soon as nobody reads what stands in it, but by values of the very same layout alone:
 * their borders stay zero, which no step then needs to clear.
 *
 * @returns places in words from the beginning of the activations, and how many words they take.
 */
export function placesOf(
  graph: FlatGraph,
  layouts: Map<string, Layout>,
): { places: Map<string, number>; words: number } {
  const lastRead = new Map<string, number>([[graph.output.name, graph.steps.length]]);
  graph.steps.forEach((step, index) => {
    for (const { name } of valuesOf(step)) lastRead.set(name, Math.max(index, lastRead.get(name) ?? 0));
  });
  const splits = new Set(graph.steps.filter(({ kind }) => kind === 'split').map(({ output }) => output.name));
  const pools = new Map<string, { layout: Layout; slots: Slot[]; count: number }>();
  const slots = new Map<string, { pool: string; from: number }>();

  const place = ({ name, shape }: Value, begins: number) => {
    const layout = layouts.get(name);
    if (layout === undefined || slots.has(name)) return;
    // What a split leaves out of its phases must be zero, too.
    const key = JSON.stringify(splits.has(name) ? { name, ...layout } : layout);
    const pool = pools.get(key) ?? { layout, slots: [], count: 0 };
    pools.set(key, pool);
    // A vector's steps may store whole vectors of numbers.
    const count = layout.plane === 1 ? roundUp(shape[0]) : shape[0];
    const from = firstGap(
      pool.slots.filter(({ freeAfter }) => freeAfter >= begins),
      count,
    );
    pool.slots.push({ from, count, freeAfter: lastRead.get(name) ?? begins });
    pool.count = Math.max(pool.count, from + count);
    slots.set(name, { pool: key, from });
  };
  place(graph.input, -1);
  graph.steps.forEach((step, index) => {
    place(step.output, index);
  });

  const bases = new Map<string, number>();
  let words = 0;
  for (const [key, { layout, count }] of pools) {
    bases.set(key, words);
    // The last plane's border below, and what a vector reads beyond it.
    words += roundUp(count * layout.plane) + layout.lead + roundUp(1);
  }
  const places = new Map(
    Array.from(slots, ([name, { pool, from }]) => {
      const { lead = 0, plane = 1 } = layouts.get(name) ?? {};
      return [name, (bases.get(pool) ?? 0) + from * plane + lead];
    }),
  );
  return { places, words };
}

/** The lowest place of `count` planes that none of the slots in use takes. */
function firstGap(used: Slot[], count: number): number {
  let from = 0;
  for (const slot of used.toSorted((a, b) => a.from - b.from)) {
    if (slot.from - from >= count) return from;
    from = Math.max(from, slot.from + slot.count);
  }
  return from;
}
