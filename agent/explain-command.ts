import { snakeJson } from '../terminal/snake-json.ts';
import { explainProfile } from './profile/explain-profile.ts';
import { formatProfile } from './profile/format-profile.ts';
import { openProfile, openText } from './profile/load-profile.ts';
import { applyFlags, flagsByKey, type ProfileFlags } from './profile-options.ts';

/**
 * What `ebb run --explain-profile` prints: every key of a profile, with the flags' values.
 * @param nameOrPath undefined explains the defaults.
 */
export async function explainCommand(
  nameOrPath: string | undefined,
  options: { flags: ProfileFlags; json: boolean; env?: NodeJS.ProcessEnv },
): Promise<string> {
  const { flags, json, env = process.env } = options;
  const loaded =
    nameOrPath === undefined
      ? openText('', { name: 'defaults', env })
      : await openProfile(nameOrPath, { env });
  const keys = explainProfile({
    loaded,
    profile: applyFlags(loaded.profile, flags),
    flags: flagsByKey(flags),
    env,
  });
  const { files } = loaded;
  return json ? snakeJson({ files, keys }, 2) : formatProfile({ files, keys });
}
