import type { z } from 'zod';
import { nearestName } from './nearest-name.ts';
import { toProfile } from './profile-file.ts';
import { knownBelow, profileKeys } from './profile-keys.ts';
import { type Profile, profileSchema } from './schema.ts';
import { nearestAt, type Sourced, type SourcedMap, showPlace, toPlain } from './sourced.ts';
import { substitute, variablesIn } from './substitute.ts';

const leaves = new Set(profileKeys.filter(({ isSection }) => !isSection).map(({ path }) => path));

/** Without the keys whose value is `~`: their defaults hold. */
function withoutNulls(tree: Sourced, prefix: string): Sourced {
  if (tree.kind !== 'map') return tree;
  const entries = [...tree.entries].flatMap(([key, value]) => {
    const path = `${prefix}${key}`;
    const isAway = value.kind === 'value' && value.value === null && leaves.has(path);
    return isAway ? [] : [[key, withoutNulls(value, `${path}.`)] as const];
  });
  return { ...tree, entries: new Map(entries) };
}

function hintOn(issue: z.core.$ZodIssue, value: unknown): string {
  if (typeof value !== 'string') return '';
  if (variablesIn(value).length > 0) return '; what the environment puts in is always a text';
  const near = issue.code === 'invalid_value' ? nearestName(value, issue.values.map(String)) : undefined;
  return near === undefined ? '' : `; did you mean "${near}"?`;
}

/** `tree` is as it was written: what the environment put in is not shown. */
function describeIssue(issue: z.core.$ZodIssue, tree: Sourced): string {
  const key = issue.path.join('.');
  if (issue.code === 'unrecognized_keys')
    return issue.keys
      .map((name) => {
        const known = knownBelow(issue.path);
        const near = nearestName(name, known);
        const cure = near ? `did you mean "${near}"?` : `known here: ${known.join(', ')}`;
        const { at } = nearestAt(tree, [...issue.path, name]);
        return `${showPlace(at)}: unknown key "${key ? `${key}.` : ''}${name}"; ${cure}`;
      })
      .join('; ');
  const written = nearestAt(tree, issue.path);
  const value = toPlain(written);
  return `${showPlace(written.at)}: key "${key}" is wrong (${issue.message})${hintOn(issue, value)}: current value is ${JSON.stringify(value)}`;
}

/**
 * Puts the environment into a merged profile and holds it to the schema.
 * @param name the profile's, where it gives none itself.
 * @throws Error that names every wrong key, where it stands, and the nearest known one.
 */
export function checkProfile(tree: SourcedMap, options: { name: string; env: NodeJS.ProcessEnv }): Profile {
  const written = withoutNulls(tree, '');
  const result = profileSchema.safeParse(toPlain(substitute(written, options.env)));
  if (!result.success)
    throw new Error(result.error.issues.map((issue) => describeIssue(issue, written)).join('; '));
  return toProfile(result.data, options.name);
}
