import type { Logger } from '../../wire/link/logger.ts';
import { changeProfile, describeChange, type ProfileChange } from './change-profile.ts';
import type { Profile } from './schema.ts';

/** The one place where the agent's parts read the profile; a part that copies what it reads listens for changes. */
export type ProfileInForce = {
  read(): Profile;
  /**
   * Reads the profile again and puts it in force, but for what needs a restart; one reload after the other.
   * @throws Error where the new one is wrong: the old one stays in force.
   */
  reload(): Promise<ProfileChange>;
  /** `listener` is called after each change, and must not throw. */
  onChange(listener: (before: Profile) => void): void;
};

export function createProfileInForce(options: {
  profile: Profile;
  /** Reads it again; absent where the profile came from no file. */
  load?: (() => Promise<Profile>) | undefined;
  /** Throws where this agent cannot run with the profile. */
  check: (profile: Profile) => void;
  log: Logger;
}): ProfileInForce {
  const { load, check, log } = options;
  const listeners: ((before: Profile) => void)[] = [];
  let profile = options.profile;
  let last: Promise<unknown> = Promise.resolve();

  async function reload(): Promise<ProfileChange> {
    try {
      if (!load) throw new Error('Cannot reload the profile as it must have come from a file: start anew');
      const next = await load();
      check(next);
      const change = changeProfile(profile, next);
      const before = profile;
      profile = change.profile;
      for (const listener of listeners) listener(before);
      const { atOnce, afterRestart } = change;
      log.info({ atOnce, afterRestart }, `reloaded the profile: ${describeChange(change)}`);
      return change;
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      log.warn({ why }, `the profile stays as it was: ${why}`);
      throw error;
    }
  }

  return {
    read: () => profile,
    reload() {
      const done = last.then(reload);
      last = done.catch(() => {});
      return done;
    },
    onChange: (listener) => void listeners.push(listener),
  };
}
