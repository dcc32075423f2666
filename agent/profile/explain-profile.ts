import type { LoadedProfile } from './load-profile.ts';
import { fileValue, toProfileFile } from './profile-file.ts';
import { profileKeys } from './profile-keys.ts';
import type { Profile } from './schema.ts';
import { type Sourced, toPlain, valueAt } from './sourced.ts';
import { variablesIn } from './substitute.ts';

/** One key as `ebb run --explain-profile` tells it. */
export type ExplainedKey = {
  key: string;
  type: string;
  /** Null where there is none. */
  default: unknown;
  /** In force, as it was written: secrets are not shown. Null where there is none. */
  value: unknown;
  /** A file with its line, or a flag; null where the default is in force. */
  from: string | null;
  /** Environment variables in the value. */
  variables: { name: string; isSet: boolean }[];
  /** A change needs a restart. */
  restart: boolean;
  description: string;
};

/** Passwords in URLs do not show, but for the name of a variable that holds one. */
export function hidePassword(text: string): string {
  return text.replace(/(:\/\/[^\s/:]*:)(?!\$\{\w+\}@)[^\s/]*@/g, '$1***@');
}

function hidden(value: unknown): unknown {
  if (typeof value === 'string') return hidePassword(value);
  if (Array.isArray(value)) return value.map(hidden);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, hidden(entry)]));
}

function variablesOf(tree: Sourced): string[] {
  if (tree.kind === 'value') return typeof tree.value === 'string' ? variablesIn(tree.value) : [];
  return (tree.kind === 'list' ? [...tree.items] : [...tree.entries.values()]).flatMap(variablesOf);
}

/**
 * Every key of the schema, sections first: what it may be, what it is and why, and what it means.
 * @param options.profile in force, with the flags' values.
 * @param options.flags which flag gave a key its value.
 */
export function explainProfile(options: {
  loaded: Pick<LoadedProfile, 'tree'>;
  profile: Profile;
  flags: Readonly<Record<string, string>>;
  env: NodeJS.ProcessEnv;
}): ExplainedKey[] {
  const { loaded, profile, flags, env } = options;
  const file = toProfileFile(profile);
  return profileKeys.map((key) => {
    const { path, isSection, type, description, restart } = key;
    const flag = Object.hasOwn(flags, path) ? flags[path] : undefined;
    const written = isSection ? undefined : valueAt(loaded.tree, path.split('.'));
    const isAway = written?.kind === 'value' && written.value === null;
    const fromFile = flag !== undefined || isAway ? undefined : written;
    const value = flag !== undefined ? fileValue(file, path) : fromFile ? toPlain(fromFile) : key.default;
    // A key that was taken away stands somewhere, too.
    const place = flag === undefined && written ? `${written.at.file}:${written.at.line}` : null;
    const names = fromFile && path !== 'extends' ? variablesOf(fromFile) : [];
    return {
      key: path,
      type,
      default: key.default ?? null,
      value: hidden(value) ?? null,
      from: flag ?? place,
      variables: names.map((name) => ({ name, isSet: Object.hasOwn(env, name) })),
      restart,
      description,
    };
  });
}
