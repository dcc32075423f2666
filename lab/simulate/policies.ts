import type { Calibration } from '../../agent/calibrate/calibration.ts';
import {
  createDecider,
  type Decided,
  type DeciderOptions,
  type RequestInTurn,
  type Situation,
} from '../../agent/decide/decider.ts';
import { buildLadder } from '../../agent/decide/ladder.ts';
import type { LevelAccuracy } from '../../bundle/level-accuracy.ts';

/** What decides in a simulation. */
export type SimulatedPolicy = {
  /** The level to begin with. */
  start: number;
  /** Whether a missed deadline asks for a decision between two intervals. */
  hurries: boolean;
  decide(situation: Situation, isEarly: boolean): Pick<Decided, 'level' | 'reason'>;
  levelFor?(turn: RequestInTurn, situation: Omit<Situation, 'readings' | 'pending'>): number | undefined;
};

/** The agent's own decisions. */
export function ebbPolicy(options: DeciderOptions): SimulatedPolicy {
  const decider = createDecider(options);
  return {
    start: buildLadder(options.calibration, options.accuracy)[0],
    hurries: true,
    decide: (situation, isEarly) => decider.decide(situation, { isEarly }),
    levelFor: (turn, situation) => decider.levelFor(turn, situation),
  };
}

/** One level, whatever happens. */
export function heldPolicy(level: number): SimulatedPolicy {
  return { start: level, hurries: false, decide: () => ({ level, reason: `held at level ${level}` }) };
}

/** So busy a machine asks for a sparser level, so idle a one allows a denser one, each for two intervals in a row. */
const high = 0.85;
const low = 0.6;
const inRow = 2;

/** The classic: thresholds of the busiest core's load with hysteresis, one level at a time. */
export function thresholdPolicy(
  calibration: Calibration,
  accuracy: readonly LevelAccuracy[],
): SimulatedPolicy {
  const ladder = buildLadder(calibration, accuracy);
  let above = 0;
  let below = 0;
  return {
    start: ladder[0],
    hurries: false,
    decide({ readings, level }) {
      const busy = readings.find(({ name }) => name === 'core_busy')?.value ?? 0;
      above = busy > high ? above + 1 : 0;
      below = busy < low ? below + 1 : 0;
      const rung = ladder.indexOf(level);
      const step = above >= inRow ? 1 : below >= inRow ? -1 : 0;
      const to = ladder[Math.min(ladder.length - 1, Math.max(0, rung + step))];
      if (to !== level) above = below = 0;
      return { level: to, reason: `core ${Math.round(busy * 100)}% busy` };
    },
  };
}
