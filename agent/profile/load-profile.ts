import { dirname, resolve } from 'node:path';
import { EbbError, withCode } from '../../errors/ebb-error.ts';
import { checkProfile } from './check-profile.ts';
import { findProfile, shippedFolder } from './find-profile.ts';
import { parseSource } from './parse-source.ts';
import { readText } from './read-text.ts';
import type { Profile } from './schema.ts';
import { mergeMaps, type Sourced, type SourcedMap, showPlace } from './sourced.ts';

/** A profile, its parent, and so on: more are a mistake. */
const depthMax = 8;
/** A profile speaks of these for itself alone. */
const notInherited = new Set(['extends', 'name']);

export type LoadOptions = {
  /** Where the profiles that come with ebb lie. */
  folder?: string;
  /** Fills `${NAME}`. */
  env?: NodeJS.ProcessEnv;
};

/** A profile with what it was made of. */
export type LoadedProfile = Readonly<{
  profile: Profile;
  /** All its files merged, as they were written: without what the environment puts in. */
  tree: SourcedMap;
  /** As places call them: the profile's own, then its parents'. */
  files: readonly string[];
}>;

/** @throws EbbError whose message names the whole chain. */
function refuse(chain: readonly string[], cause: unknown): never {
  const why = cause instanceof Error ? cause.message : String(cause);
  throw new EbbError('EBB_PROFILE', `Cannot read profile "${chain.join('" -> "')}": ${why}`, { cause });
}

function inherited({ entries, ...rest }: SourcedMap): SourcedMap {
  return { ...rest, entries: new Map([...entries].filter(([key]) => !notInherited.has(key))) };
}

/** Reads a profile and all that it extends. @returns the chain, the profile itself first. */
async function readChain(nameOrPath: string, folder: string): Promise<{ file: string; tree: SourcedMap }[]> {
  const chain: { file: string; tree: SourcedMap }[] = [];
  const seen = new Set<string>();
  let found = await findProfile(nameOrPath, { folder });
  for (;;) {
    const { path, file } = found;
    // A name is told as it was given: that is what people know it by.
    const names = [...chain.map((one) => one.file), file];
    if (seen.has(resolve(path))) refuse(names, 'a profile must not extend itself; take out one "extends"');
    if (names.length > depthMax) refuse(names, `at most ${depthMax} profiles may extend one another`);
    seen.add(resolve(path));
    const tree: SourcedMap = await readText(path)
      .then((text) => parseSource(text, file))
      .catch((cause) => refuse(names, cause));
    chain.push({ file, tree });
    const parent: Sourced | undefined = tree.entries.get('extends');
    if (parent === undefined || (parent.kind === 'value' && parent.value === null)) return chain;
    if (parent.kind !== 'value' || typeof parent.value !== 'string')
      return refuse(names, `${showPlace(parent.at)}: key "extends" must be one name or path`);
    found = await findProfile(parent.value, { base: dirname(path), folder }).catch((cause) =>
      refuse([...names, String(parent.value)], cause),
    );
  }
}

/**
 * Parses a profile's YAML text, which must stand alone: it has no file that `extends` could be relative to.
 * @param options.name what messages call it, and the profile's name where the text gives none.
 * @throws Error that names every wrong key, its place and the nearest known one.
 */
export function parseProfile(text: string, options: { name: string; env?: NodeJS.ProcessEnv }): Profile {
  return openText(text, options).profile;
}

/** As `parseProfile`, with what the profile was made of. */
export function openText(
  text: string,
  { name, env = process.env }: { name: string; env?: NodeJS.ProcessEnv },
): LoadedProfile {
  try {
    const tree = parseSource(text, name);
    if (tree.entries.has('extends')) throw new Error('a text cannot extend a profile: load it from a file');
    return { profile: checkProfile(tree, { name, env }), tree, files: [name] };
  } catch (cause) {
    return refuse([name], cause);
  }
}

/** As `loadProfile`, with what the profile was made of. */
export async function openProfile(nameOrPath: string, options: LoadOptions = {}): Promise<LoadedProfile> {
  const { folder = shippedFolder, env = process.env } = options;
  const chain = await readChain(nameOrPath, folder);
  const files = chain.map(({ file }) => file);
  const layers = chain.map(({ tree }, index) => (index === 0 ? tree : inherited(tree)));
  const tree = layers.reduce((child, parent) => mergeMaps(parent, child));
  try {
    return { profile: checkProfile(tree, { name: nameOrPath, env }), tree, files };
  } catch (cause) {
    return refuse(files, cause);
  }
}

/**
 * Loads a profile by name (one that comes with ebb) or by path (whatever holds a slash or ends in .yaml or .yml), with all that it extends.
 * @throws UsageError where there is none of that name, Error where it, or what it extends, is wrong.
 */
export async function loadProfile(nameOrPath: string, options: LoadOptions = {}): Promise<Profile> {
  try {
    return (await openProfile(nameOrPath, options)).profile;
  } catch (error) {
    throw withCode(error, 'EBB_PROFILE');
  }
}
