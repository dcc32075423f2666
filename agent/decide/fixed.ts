import type { Decision, PolicyInput } from './policy.ts';
import { estimateSlowdown } from './slowdown.ts';

/** Always `level`, whatever happens: what adapting is compared with, and what an operator may force. */
export function decideFixed(input: PolicyInput, level: number): Decision<undefined> {
  const last = input.calibration.levels.length - 1;
  const chosen = Math.min(last, Math.max(0, level));
  return {
    level: chosen,
    reason: `policy fixed holds level ${chosen}`,
    state: undefined,
    slowdown: estimateSlowdown(input.observations, input.calibration) ?? 1,
  };
}
