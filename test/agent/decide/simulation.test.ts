import { describe, expect, it } from 'vitest';
import { type DeadlineState, decideDeadline } from '../../../agent/decide/deadline.ts';
import type { Observation } from '../../../agent/decide/policy.ts';
import { calibration, quiet } from './policy-input.ts';

/** A run that fits inside one slice of the scheduler is not disturbed; a longer one shares the CPU with `rivals` others. */
function runMs(level: number, rivals: number): number {
  const alone = calibration.levels[level]!.p50Ms;
  return alone <= 3 ? alone : alone * (1 + rivals);
}

/** Serves 20 requests a second through phases of seconds and rivals; returns every swap. */
function simulate(phases: { seconds: number; rivals: number; others: number }[]) {
  const observations: Observation[] = [];
  const swaps: { atS: number; from: number; to: number; phase: number }[] = [];
  let state: DeadlineState | undefined;
  let level = 0;
  let nowMs = 0;
  let missed = 0;
  for (const [phase, { seconds, rivals, others }] of phases.entries()) {
    for (let step = 0; step < seconds * 2; step += 1) {
      for (let request = 0; request < 10; request += 1) {
        const inferMs = runMs(level, rivals);
        const latencyMs = inferMs + 0.5;
        if (latencyMs > 50) missed += 1;
        observations.push({ level, batch: 1, startMs: nowMs, latencyMs, inferMs, deadlineMs: 50 });
        nowMs += 50;
      }
      const load = { cpuBusy: Math.min(1, others + 0.1), cpuOthers: others };
      const input = { ...quiet, nowMs, level, load, observations: observations.slice(-256) };
      const decision = decideDeadline(input, state);
      if (decision.level !== level) swaps.push({ atS: nowMs / 1000, from: level, to: decision.level, phase });
      ({ level, state } = decision);
    }
  }
  return { swaps, missed, level };
}

describe('the deadline policy in a machine that shares its cpu', () => {
  it('goes down once when stress begins, stays down through it, and comes back after it', () => {
    const { swaps, missed, level } = simulate([
      { seconds: 20, rivals: 0, others: 0.1 },
      { seconds: 25, rivals: 3, others: 0.95 },
      { seconds: 20, rivals: 0, others: 0.1 },
    ]);
    expect(swaps.filter(({ phase }) => phase === 0)).toEqual([]);
    expect(swaps.filter(({ phase }) => phase === 1)).toHaveLength(1);
    expect(swaps[0]!.atS).toBeLessThan(21.1);
    expect(swaps.filter(({ phase }) => phase === 2).at(-1)?.to).toBe(0);
    expect(level).toBe(0);
    // Of 1300 requests: those of the half second before the swap.
    expect(missed).toBeLessThanOrEqual(20);
  });

  it('swaps ever less often under stress that never ends', () => {
    const { swaps } = simulate([{ seconds: 900, rivals: 3, others: 0.95 }]);
    const upwards = swaps.filter(({ from, to }) => to < from).map(({ atS }) => atS);
    expect(upwards.length).toBeLessThan(15);
    expect(swaps.filter(({ atS }) => atS > 450).length).toBeLessThan(swaps.length / 2);
  });
});
