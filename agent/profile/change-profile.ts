import { isDeepStrictEqual } from 'node:util';
import { fileValue, toProfile, toProfileFile } from './profile-file.ts';
import { type ProfileKey, profileKeys } from './profile-keys.ts';
import type { Profile } from './schema.ts';

/** What a profile that was read again has changed. */
export type ProfileChange = Readonly<{
  /** In force from now on: the new values, but for the keys that need a restart. */
  profile: Profile;
  /** Such as `deadline_ms 50 -> 20`. */
  atOnce: readonly string[];
  /** What holds after a restart. */
  afterRestart: readonly string[];
}>;

/** A free text may hold a secret: of it only the key is told. */
function describe({ path, isPlain }: ProfileKey, before: unknown, after: unknown): string {
  return isPlain ? `${path} ${before ?? 'none'} -> ${after ?? 'none'}` : path;
}

/** `next` in the place of `now`, as far as that can be done while the agent serves. */
export function changeProfile(now: Profile, next: Profile): ProfileChange {
  const before = toProfileFile(now);
  const after = toProfileFile(next);
  const changed = profileKeys
    .filter(({ isSection, path }) => !isSection && !path.includes('[]'))
    .map((key) => ({ key, from: fileValue(before, key.path), to: fileValue(after, key.path) }))
    .filter(({ from, to }) => !isDeepStrictEqual(from, to));
  const told = (restart: boolean) =>
    changed.filter(({ key }) => key.restart === restart).map(({ key, from, to }) => describe(key, from, to));
  for (const { key, from } of changed) if (key.restart) setValue(after, key.path, from);
  return { profile: toProfile(after, next.name), atOnce: told(false), afterRestart: told(true) };
}

function setValue(file: object, path: string, value: unknown): void {
  const [section, name] = path.split('.');
  const holder = name === undefined ? file : (file as Record<string, object>)[section];
  const key = name ?? section;
  if (value === undefined) delete (holder as Record<string, unknown>)[key];
  else (holder as Record<string, unknown>)[key] = value;
}

/** One sentence for logs and for the answer to a command. */
export function describeChange({ atOnce, afterRestart }: ProfileChange): string {
  if (atOnce.length + afterRestart.length === 0) return 'the profile has not changed';
  return [
    ...(atOnce.length > 0 ? [`changed at once: ${atOnce.join(', ')}`] : []),
    ...(afterRestart.length > 0 ? [`needs a restart: ${afterRestart.join(', ')}`] : []),
  ].join('; ');
}
