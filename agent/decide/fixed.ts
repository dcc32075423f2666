import type { Decision, PolicyInput } from './policy.ts';

/** Always `level`, whatever happens: what adapting is compared with, and what an operator may force. */
export function decideFixed(
  input: Pick<PolicyInput, 'calibration'>,
  level: number,
): Pick<Decision<undefined>, 'level' | 'reason'> {
  const last = input.calibration.levels.length - 1;
  const chosen = Math.min(last, Math.max(0, level));
  return { level: chosen, reason: `policy fixed holds level ${chosen}` };
}
