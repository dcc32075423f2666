/** Where something stands in a profile's text; line and column count from 1. */
export type Place = Readonly<{ file: string; line: number; column: number }>;

/** A profile's text as a tree in which every value knows its place. */
export type Sourced = SourcedMap | SourcedList | SourcedValue;
export type SourcedMap = Readonly<{ kind: 'map'; at: Place; entries: ReadonlyMap<string, Sourced> }>;
export type SourcedList = Readonly<{ kind: 'list'; at: Place; items: readonly Sourced[] }>;
export type SourcedValue = Readonly<{ kind: 'value'; at: Place; value: unknown }>;

export function showPlace({ file, line, column }: Place): string {
  return `${file}:${line}:${column}`;
}

/**
 * `child` over `parent`: maps are merged, key by key, at every depth; whatever else the child has replaces the parent's, lists among it.
 * Associative where a key is a map in all of them or in none, as with one schema; a Map has no prototype that a key could reach.
 */
export function mergeMaps(parent: SourcedMap, child: SourcedMap): SourcedMap {
  const entries = new Map(parent.entries);
  for (const [key, value] of child.entries) {
    const below = entries.get(key);
    const isBoth = below?.kind === 'map' && value.kind === 'map';
    entries.set(key, isBoth ? mergeMaps(below, value) : value);
  }
  return { kind: 'map', at: child.at, entries };
}

/** The plain value; a key `__proto__` becomes a property like any other. */
export function toPlain(tree: Sourced): unknown {
  switch (tree.kind) {
    case 'value':
      return tree.value;
    case 'list':
      return tree.items.map(toPlain);
    case 'map':
      return Object.fromEntries([...tree.entries].map(([key, value]) => [key, toPlain(value)]));
  }
}

/** What stands at `path`, or nearest above it where there is nothing. */
export function nearestAt(tree: Sourced, path: readonly PropertyKey[]): Sourced {
  const [step, ...rest] = path;
  const next =
    tree.kind === 'map'
      ? tree.entries.get(String(step))
      : tree.kind === 'list'
        ? tree.items[Number(step)]
        : undefined;
  return step === undefined || next === undefined ? tree : nearestAt(next, rest);
}

/** What stands at `path`; undefined where there is nothing. */
export function valueAt(tree: Sourced, path: readonly string[]): Sourced | undefined {
  const [step, ...rest] = path;
  if (step === undefined) return tree;
  const next = tree.kind === 'map' ? tree.entries.get(step) : undefined;
  return next === undefined ? undefined : valueAt(next, rest);
}

/** The tree with `change` made to each text in it; `path` is the key's, such as `['report', 'broker']`. */
export function mapTexts(
  tree: Sourced,
  change: (text: string, at: Place, path: readonly PropertyKey[]) => string,
  path: readonly PropertyKey[] = [],
): Sourced {
  switch (tree.kind) {
    case 'value':
      return typeof tree.value === 'string' ? { ...tree, value: change(tree.value, tree.at, path) } : tree;
    case 'list':
      return { ...tree, items: tree.items.map((item, index) => mapTexts(item, change, [...path, index])) };
    case 'map': {
      const entries = [...tree.entries].map(
        ([key, value]) => [key, mapTexts(value, change, [...path, key])] as const,
      );
      return { ...tree, entries: new Map(entries) };
    }
  }
}
