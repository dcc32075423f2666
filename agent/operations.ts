import { isDeepStrictEqual } from 'node:util';
import type { Manifest } from '../bundle/manifest.ts';
import { type Bundle, requireBundle } from '../bundle/read-bundle.ts';
import { requireLevel, requireName } from '../errors/check-arguments.ts';
import { ArgumentError, EbbError } from '../errors/ebb-error.ts';
import type { CommandAnswer } from '../wire/answer.ts';
import type { Command, LevelCommand } from '../wire/command.ts';
import type { Logger } from '../wire/link/logger.ts';
import type { HostSlot } from './host/host-slot.ts';
import type { Lifetime } from './lifetime.ts';
import { describeChange, type ProfileChange } from './profile/change-profile.ts';
import type { ProfileInForce } from './profile/profile-in-force.ts';

/** What an operator may change of an agent while it serves; no request is lost by it. */
export type Operations = {
  /** Obeys a command that came over MQTT. */
  obey(command: Command): Promise<CommandAnswer>;
  /**
   * Holds a level from now on, as `setPolicy('fixed', level)` does.
   * @throws EbbError `EBB_UNKNOWN_LEVEL`, `EBB_NOT_READY` or `EBB_CLOSED`, always as a rejection.
   */
  setLevel(level: number): Promise<void>;
  /**
   * Chooses how the level is chosen: `deadline` adapts it, `fixed` holds `level`.
   * @param level for `fixed` alone. Default: the active one.
   * @throws EbbError as `setLevel`, and `EBB_INVALID_ARGUMENT`.
   */
  setPolicy(policy: 'deadline' | 'fixed', level?: number): Promise<void>;
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
    if (!life.isOpen)
      throw new EbbError(
        life.signal.aborted ? 'EBB_CLOSED' : 'EBB_NOT_READY',
        'Cannot reload the profile as the agent is not ready; try again later',
      );
    const change = await inForce.reload();
    onReload?.(change);
    return change;
  }

  async function reloadBundle(): Promise<string> {
    try {
      if (!readBundle)
        throw new ArgumentError(
          'EBB_INVALID_ARGUMENT',
          'Cannot reload the bundle as it must have come from a folder: start anew',
        );
      const next = await readBundle();
      if (isDeepStrictEqual(next.manifest, manifest())) return 'the bundle has not changed';
      await slot.replace(next);
      return `another bundle answers, of ${next.manifest.levels.length} levels`;
    } catch (error) {
      log.warn({ err: error }, `the bundle stays as it was: ${(error as Error).message}`);
      throw error;
    }
  }

  async function obeyLevel(command: LevelCommand): Promise<void> {
    const answer = await life.requireHost().loop.obey(command);
    if (!answer.ok) throw new EbbError('EBB_FAILED', answer.error);
  }

  async function setLevel(level: number): Promise<void> {
    requireLevel('set the level', level, manifest().levels.length);
    await obeyLevel({ kind: 'set_level', level });
  }

  async function setPolicy(policy: 'deadline' | 'fixed', level?: number): Promise<void> {
    requireName('set the policy', 'it', policy, ['deadline', 'fixed']);
    if (level !== undefined) requireLevel('set the policy', level, manifest().levels.length);
    if (level !== undefined && policy === 'deadline')
      throw new ArgumentError(
        'EBB_INVALID_ARGUMENT',
        `Cannot set the policy as a level goes with policy fixed alone: current value is ${level}; leave it out`,
      );
    await obeyLevel({ kind: 'set_policy', policy, ...(level === undefined ? {} : { level }) });
  }

  async function replaceBundle(bundle: Bundle): Promise<void> {
    requireBundle('replace the bundle', bundle);
    await slot.replace(bundle);
  }

  async function obey(command: Command): Promise<CommandAnswer> {
    if (!life.isOpen) return { ok: false, error: 'Cannot obey as the agent is not ready' };
    if (command.kind !== 'reload') return life.requireHost().loop.obey(command);
    const note = describeChange(await reload());
    return { ok: true, note: readBundle ? `${note}; ${await reloadBundle()}` : note };
  }

  return { obey, setLevel, setPolicy, reload, replaceBundle, reloadBundle };
}
