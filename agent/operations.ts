import { isDeepStrictEqual } from 'node:util';
import type { Manifest } from '../bundle/manifest.ts';
import type { Bundle } from '../bundle/read-bundle.ts';
import type { CommandAnswer } from '../wire/answer.ts';
import type { Command } from '../wire/command.ts';
import type { Logger } from '../wire/link/logger.ts';
import type { HostSlot } from './host/host-slot.ts';
import type { Lifetime } from './lifetime.ts';
import { describeChange, type ProfileChange } from './profile/change-profile.ts';
import type { ProfileInForce } from './profile/profile-in-force.ts';

/** What an operator may change of an agent while it serves; no request is lost by it. */
export type Operations = {
  obey(command: Command): Promise<CommandAnswer>;
  /**
   * Reads the profile again: what can change while requests are served does, without touching one of them.
   * @throws Error where the new profile is wrong, or the agent not ready: the old one stays in force.
   */
  reload(): Promise<ProfileChange>;
  /**
   * Lets another bundle of the same name, input and outputs take over, between two requests, once it is opened and calibrated.
   * @throws Error where it cannot: the old one goes on then.
   */
  replaceBundle(bundle: Bundle): Promise<void>;
  /**
   * Reads the bundle again; where another one lies there now, it takes over as with `replaceBundle`.
   * @returns what came of it, a sentence. @throws Error where the old one goes on, with the reason.
   */
  reloadBundle(): Promise<string>;
};

export function createOperations(options: {
  life: Lifetime;
  inForce: ProfileInForce;
  slot: HostSlot;
  /** Of the bundle that answers, or will as the start is over. */
  manifest: () => Manifest;
  /** Reads the bundle again; absent where it came from no folder. */
  readBundle?: (() => Promise<Bundle>) | undefined;
  onReload?: ((change: ProfileChange) => void) | undefined;
  log: Logger;
}): Operations {
  const { life, inForce, slot, manifest, readBundle, onReload, log } = options;

  async function reload(): Promise<ProfileChange> {
    if (!life.isOpen) throw new Error('Cannot reload the profile as the agent is not ready; try again later');
    const change = await inForce.reload();
    onReload?.(change);
    return change;
  }

  async function reloadBundle(): Promise<string> {
    try {
      if (!readBundle)
        throw new Error('Cannot reload the bundle as it must have come from a folder: start anew');
      const next = await readBundle();
      if (isDeepStrictEqual(next.manifest, manifest())) return 'the bundle has not changed';
      await slot.replace(next);
      return `another bundle answers, of ${next.manifest.levels.length} levels`;
    } catch (error) {
      log.warn({ err: error }, `the bundle stays as it was: ${(error as Error).message}`);
      throw error;
    }
  }

  async function obey(command: Command): Promise<CommandAnswer> {
    if (!life.isOpen) return { ok: false, error: 'Cannot obey as the agent is not ready' };
    if (command.kind !== 'reload') return life.requireHost().loop.obey(command);
    const note = describeChange(await reload());
    return { ok: true, note: readBundle ? `${note}; ${await reloadBundle()}` : note };
  }

  return { obey, reload, replaceBundle: slot.replace, reloadBundle };
}
