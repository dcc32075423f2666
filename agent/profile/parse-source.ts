import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument, visit } from 'yaml';
import { type Place, type Sourced, type SourcedMap, showPlace } from './sourced.ts';

/** As many mistakes are told at a time. */
const toldMax = 5;

/**
 * Reads a profile's YAML text: one document, a map, without anchors, aliases and tags.
 * @param file what places call it.
 * @throws Error that names line and column of each mistake.
 */
export function parseSource(text: string, file: string): SourcedMap {
  const lines = new LineCounter();
  const place = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { file, line: Math.max(1, line), column: Math.max(1, col) };
  };
  const mistakes: string[] = [];
  const refuse = (offset: number, why: string) => void mistakes.push(`${showPlace(place(offset))}: ${why}`);
  const throwMistakes = () => {
    if (mistakes.length > 0) throw new Error(`it must be YAML: ${mistakes.slice(0, toldMax).join('; ')}`);
  };

  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  // A warning is a tag or a directive that is not understood.
  for (const { pos, message } of [...document.errors, ...document.warnings])
    refuse(pos[0], message.split('\n')[0]);
  throwMistakes();
  visit(document, {
    Node(_, node) {
      const offset = node.range?.[0] ?? 0;
      // A few aliases of aliases would fill the memory; "extends" is there to share.
      if (isAlias(node) || node.anchor !== undefined) refuse(offset, 'a profile has no anchors and aliases');
      else if (node.tag !== undefined) refuse(offset, 'a profile has no tags');
    },
  });
  throwMistakes();

  function convert(node: Node | null, from: number): Sourced {
    const offset = node?.range?.[0] ?? from;
    const at = place(offset);
    if (isMap(node)) {
      const entries = node.items.map(({ key, value }) => {
        const start = (key as Node | null)?.range?.[0] ?? offset;
        if (!isScalar(key) || key.value === null) refuse(start, 'a key must be a word');
        const name = isScalar(key) ? String(key.value) : '';
        const child = value as Node | null;
        const isEmpty = child === null || (isScalar(child) && child.value === null && child.source === '');
        if (isEmpty) refuse(start, `key "${name}" has no value; leave it out, or write "~" for its default`);
        // A value stands where its key stands: that is where people look.
        return [name, { ...convert(child, start), at: place(start) }] as const;
      });
      return { kind: 'map', at, entries: new Map(entries) };
    }
    if (isSeq(node))
      return { kind: 'list', at, items: node.items.map((item) => convert(item as Node, offset)) };
    return { kind: 'value', at, value: isScalar(node) ? node.value : null };
  }

  const { contents } = document;
  if (contents === null) return { kind: 'map', at: place(0), entries: new Map() };
  const tree = convert(contents, 0);
  throwMistakes();
  if (tree.kind !== 'map') throw new Error('it must be a YAML map of keys, such as "deadline_ms: 50"');
  return tree;
}
