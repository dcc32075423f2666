import { Help } from 'commander';
import type { ExplainedKey } from './explain-profile.ts';

const width = 80;
const indent = '    ';

function show(value: unknown): string {
  if (value === null) return 'none';
  if (Array.isArray(value)) return value.length === 0 ? 'none' : value.map(show).join(', ');
  if (typeof value !== 'object') return String(value);
  // An item of a list of maps is known by its name.
  return 'name' in value ? String(value.name) : JSON.stringify(value);
}

const wrap = (text: string, by: string) => new Help().boxWrap(text, width - by.length).replaceAll(/^/gm, by);
/** The first line stands out. */
const hang = (text: string) =>
  new Help().boxWrap(text, width - indent.length).replaceAll('\n', `\n${indent}`);

function formatKey(one: ExplainedKey): string {
  const { key, type, description } = one;
  if (type === 'a map') return `${key}\n${wrap(description, indent)}`;
  // Keys of a list's items have no value of their own.
  const isItem = key.includes('[]');
  const states = one.variables.map(({ name, isSet }) => `${name} is ${isSet ? 'set' : 'not set'}`);
  const from = [one.from ?? 'default', ...states].join('; ');
  const line = `${key} = ${show(one.value)}`;
  const isShort = line.length + from.length + 5 <= width;
  const head = isItem ? [key] : isShort ? [`${line}   (${from})`] : [hang(line), wrap(`(${from})`, indent)];
  const facts = [
    type,
    ...(one.default === null ? [] : [`default ${show(one.default)}`]),
    ...(one.restart ? ['a change needs a restart'] : []),
  ];
  return [...head, wrap(facts.join('; '), indent), wrap(description, indent)].join('\n');
}

/** All keys as text of at most 80 columns, but for a value, or a file's name, that is longer. */
export function formatProfile(options: { files: readonly string[]; keys: readonly ExplainedKey[] }): string {
  const { files, keys } = options;
  return [`profile: ${files.join(', extends ')}`, ...keys.map(formatKey)].join('\n\n');
}
