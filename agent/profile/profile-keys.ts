import { z } from 'zod';
import { profileSchema } from './schema.ts';

/** One key of the profile's schema, as messages and `--explain-profile` speak of it. */
export type ProfileKey = Readonly<{
  /** Such as `http.port`; below a list's items `readings[].name`. */
  path: string;
  /** Holds further keys. */
  isSection: boolean;
  /** Type and range, as people read it. */
  type: string;
  default: unknown;
  description: string;
  /** A reload does not change it. */
  restart: boolean;
  /** Its value is a number or one of the schema's own words: it can be shown to everybody. */
  isPlain: boolean;
}>;

type Node = z.core.JSONSchema.BaseSchema;

/** The schema as editors read it (JSON Schema 2020-12). */
export function profileJsonSchema(): Node {
  return { title: "ebb's device profile", ...z.toJSONSchema(profileSchema, { io: 'input' }) };
}

function describeRange(node: Node): string {
  const isInteger = node.type === 'integer';
  // Draft 4 had a boolean here; the draft that zod writes has a number.
  const above = typeof node.exclusiveMinimum === 'number' ? node.exclusiveMinimum : undefined;
  const least = node.minimum ?? (isInteger && above !== undefined ? above + 1 : undefined);
  const most = node.maximum === Number.MAX_SAFE_INTEGER ? undefined : node.maximum;
  if (least !== undefined && most !== undefined) return ` from ${least} to ${most}`;
  const parts = [
    ...(least === undefined ? [] : [`, at least ${least}`]),
    ...(least === undefined && above !== undefined ? [`, above ${above}`] : []),
    ...(most === undefined ? [] : [`, at most ${most}`]),
    ...(node.exclusiveMaximum === undefined ? [] : [`, below ${node.exclusiveMaximum}`]),
  ];
  return parts.join('');
}

function describeType(node: Node): string {
  if (node.enum) return `one of ${node.enum.join(', ')}`;
  switch (node.type) {
    case 'integer':
      return `whole number${describeRange(node)}`;
    case 'number':
      return `number${describeRange(node)}`;
    case 'array':
      return `list; each ${describeType(node.items as Node)}`;
    case 'object':
      return 'a map';
    default:
      return 'text';
  }
}

function keysOf(node: Node, prefix: string): ProfileKey[] {
  return Object.entries(node.properties ?? {}).flatMap(([name, property]) => {
    const child = property as Node;
    const path = `${prefix}${name}`;
    const isSection = child.type === 'object';
    const key: ProfileKey = {
      path,
      isSection,
      type: describeType(child),
      default: isSection ? undefined : child.default,
      description: child.description ?? '',
      restart: child.restart === true,
      isPlain: child.enum !== undefined || child.type === 'number' || child.type === 'integer',
    };
    const items = child.type === 'array' ? keysOf(child.items as Node, `${path}[].`) : [];
    return [key, ...(isSection ? keysOf(child, `${path}.`) : items)];
  });
}

/** All keys of the schema, in its order, each section and list before what it holds. */
export const profileKeys: readonly ProfileKey[] = Object.freeze(keysOf(profileJsonSchema(), ''));

/** `readings[].name` for the path `['readings', 0, 'name']`. */
function keyName(path: readonly PropertyKey[]): string {
  return path.reduce<string>((name, step) => {
    if (typeof step === 'number') return `${name}[]`;
    return name === '' ? String(step) : `${name}.${String(step)}`;
  }, '');
}

/** Names that are known below `path`, for the message that names the nearest one. */
export function knownBelow(path: readonly PropertyKey[]): string[] {
  const prefix = path.length === 0 ? '' : `${keyName(path)}.`;
  return profileKeys
    .filter((key) => key.path.startsWith(prefix) && /^[^.[]+$/.test(key.path.slice(prefix.length)))
    .map((key) => key.path.slice(prefix.length));
}
