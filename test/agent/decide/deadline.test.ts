import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type DeadlineState, decideDeadline } from '../../../agent/decide/deadline.ts';
import type { PolicyInput } from '../../../agent/decide/policy.ts';
import { answers, quiet } from './policy-input.ts';

const contended = { cpuBusy: 1, cpuOthers: 0.9 };

/** Decides again and again, `intervalMs` apart, with answers at the active level; returns the levels chosen. */
function follow(options: {
  input: PolicyInput;
  state: DeadlineState | undefined;
  steps: number;
  slowdown?: number;
  intervalMs?: number;
}) {
  const { steps, slowdown = 1, intervalMs = 500 } = options;
  let { input, state } = options;
  const levels: number[] = [];
  for (let step = 0; step < steps; step += 1) {
    input = { ...input, nowMs: input.nowMs + intervalMs };
    const observations = answers(input, 20, slowdown);
    const decision = decideDeadline({ ...input, observations }, state);
    state = decision.state;
    input = { ...input, level: decision.level };
    levels.push(decision.level);
  }
  return { levels, state, input };
}

/** Level 0 has just failed under contention. */
function afterFailure(load: PolicyInput['load'] = contended, slowdown = 6) {
  const input = { ...quiet, load, observations: answers(quiet, 20, slowdown) };
  const decision = decideDeadline(input, undefined);
  return { input: { ...input, level: decision.level }, decision };
}

describe('decideDeadline()', () => {
  it('goes down at once, and past a level that would miss too', () => {
    const { decision } = afterFailure();
    expect(decision.level).toBe(2);
    expect(decision.reason).toMatch(
      /cpu 100% busy, others use 90%; level 0 met 50.0 ms in 0% of the last 20 runs at slowdown 6.00; level 0 would meet it in 0% and bear \d+% of 20.0 inputs\/s; level 2 predicted 12.\d ms/,
    );
  });

  it('goes down by one level where that suffices', () => {
    const observations = answers(quiet, 20, 3);
    expect(decideDeadline({ ...quiet, observations }, undefined).level).toBe(1);
  });

  it('goes past a level that would meet the deadline and not bear all requests', () => {
    const observations = answers(quiet, 20, 3);
    // At 24 ms level 1 bears 40 requests/s, at 45 it leans on relief.
    expect(decideDeadline({ ...quiet, observations, inputsPerS: 38 }, undefined).level).toBe(1);
    expect(decideDeadline({ ...quiet, observations, inputsPerS: 45 }, undefined).level).toBe(2);
  });

  it('goes down to the safest level where the prediction is disproved', () => {
    // The runs are as fast as ever, and every third answer is late all the same: something else holds the requests up.
    const observations = answers(quiet, 60, 1);
    for (const [index, one] of observations.entries()) if (index % 3 === 0) one.latencyMs = 500;
    expect(decideDeadline({ ...quiet, observations }, undefined)).toMatchObject({
      level: 2,
      reason: expect.stringContaining('level 0 would meet it in 100%'),
    });
    // Few misses are no such proof.
    const few = answers(quiet, 120, 1);
    for (const [index, one] of few.entries()) if (index % 20 === 0) one.latencyMs = 500;
    expect(decideDeadline({ ...quiet, observations: few }, undefined).level).toBe(1);
  });

  it('counts requests that are overdue before they are answered', () => {
    const pending = [1, 2, 3].map((i) => ({ startMs: quiet.nowMs - 100 * i, deadlineMs: 50 }));
    expect(decideDeadline({ ...quiet, pending }, undefined).level).toBeGreaterThan(0);
    const young = [1, 2, 3].map((i) => ({ startMs: quiet.nowMs - i, deadlineMs: 50 }));
    expect(decideDeadline({ ...quiet, pending: young }, undefined).level).toBe(0);
  });

  it('holds through a single miss, which chance may bring', () => {
    const observations = answers(quiet, 20, 1);
    observations[7]!.latencyMs = 500;
    expect(decideDeadline({ ...quiet, observations }, undefined).level).toBe(0);
  });

  it('holds inside the dead band: no misses at a slowdown whose prediction would not fit', () => {
    // 20 ms * 2.1 = 42 ms leaves too little of 50 ms to be chosen, and enough to be held.
    const { levels } = follow({ input: quiet, state: undefined, steps: 40, slowdown: 2.1 });
    expect(new Set(levels)).toEqual(new Set([0]));
  });

  it('does not go up before all confirmations, though the dwell time is over', () => {
    const { decision, input } = afterFailure({});
    const later = { ...input, nowMs: input.nowMs + 600_000, load: {} };
    const { levels } = follow({ input: later, state: decision.state, steps: 4 });
    expect(levels).toEqual([2, 2, 2, 0]);
  });

  it('does not go up before the dwell time is over, though all confirmations are there', () => {
    const { decision, input } = afterFailure();
    const calm = { ...input, load: quiet.load };
    const { levels } = follow({ input: calm, state: decision.state, steps: 8 });
    expect(levels.slice(0, 5)).toEqual([2, 2, 2, 2, 2]);
    expect(levels.at(-1)).toBe(0);
  });

  it('begins to count anew when one decision in between does not confirm', () => {
    const { decision, input } = afterFailure(contended, 15);
    const calm = { ...input, load: quiet.load };
    const first = follow({ input: { ...calm, dwellMs: 0 }, state: decision.state, steps: 3 });
    const disturbed = follow({ ...first, input: { ...first.input, load: contended }, steps: 1 });
    const again = follow({ ...disturbed, input: { ...disturbed.input, load: quiet.load }, steps: 4 });
    expect([...first.levels, ...disturbed.levels, ...again.levels]).toEqual([2, 2, 2, 2, 2, 2, 2, 0]);
  });

  it('holds down while others use the cpu, though short runs look undisturbed', () => {
    const { decision, input } = afterFailure();
    const { levels } = follow({ input, state: decision.state, steps: 50 });
    expect(levels.every((level) => level > 0)).toBe(true);
  });

  it('tries again in the end where the cause persists, and waits longer after each failure', () => {
    const failure = afterFailure();
    let input: PolicyInput = failure.input;
    let state: DeadlineState | undefined = failure.decision.state;
    const waitsS: number[] = [];
    for (let trial = 0; trial < 3; trial += 1) {
      let steps = 0;
      // Above level 1 the machine is too slow: whatever is tried there fails.
      while (input.level !== 0 && steps < 5000) {
        ({ input, state } = follow({ input, state, steps: 1 }));
        steps += 1;
      }
      waitsS.push(steps / 2);
      const tried = { ...input, nowMs: input.nowMs + 1000 };
      const failed = decideDeadline({ ...tried, observations: answers(tried, 20, 6) }, state);
      expect(failed.level).toBeGreaterThan(0);
      ({ input, state } = { input: { ...tried, level: failed.level }, state: failed.state });
    }
    expect(waitsS[0]).toBeGreaterThanOrEqual(29);
    expect(waitsS[1]).toBeGreaterThan(1.8 * waitsS[0]!);
    expect(waitsS[2]).toBeGreaterThan(1.8 * waitsS[1]!);
  });

  it('goes up without requests when the machine is calm', () => {
    const failure = afterFailure();
    let state = failure.decision.state;
    let input: PolicyInput = failure.input;
    input = { ...input, load: quiet.load, observations: [], inputsPerS: 0 };
    let reason = '';
    for (let step = 0; step < 80 && input.level > 0; step += 1) {
      input = { ...input, nowMs: input.nowMs + 500 };
      const decision = decideDeadline(input, state);
      ({ state, reason } = decision);
      input = { ...input, level: decision.level };
    }
    expect(input.level).toBe(0);
    expect(reason).toContain('no requests');
  });

  it("scales the calibration to the requests' batch", () => {
    const input = { ...quiet, deadlineMs: 100 };
    const observations = answers(input, 20, 4).map((one) => ({ ...one, batch: 4 }));
    // 80 ms for four inputs is what was calibrated: no slowdown.
    expect(decideDeadline({ ...input, observations }, undefined).slowdown).toBeCloseTo(1);
  });

  it('judges requests by their own deadline', () => {
    const observations = answers(quiet, 20, 1).map((one) => ({ ...one, deadlineMs: 10 }));
    expect(decideDeadline({ ...quiet, observations }, undefined).level).toBeGreaterThan(0);
  });

  it('leaves a level that another one beats in accuracy and latency', () => {
    const decision = decideDeadline({ ...quiet, accuracy: [0.8, 0.85, 0.8] }, undefined);
    expect(decision.level).toBe(1);
    expect(decision.reason).toContain('no more accurate');
  });

  it('never picks a level that does not exist and always gives a reason, whatever it is fed', () => {
    const share = fc.option(fc.double({ min: 0, max: 1, noNaN: true }), { nil: undefined });
    const observation = fc.record({
      level: fc.integer({ min: 0, max: 2 }),
      batch: fc.integer({ min: 1, max: 64 }),
      startMs: fc.double({ min: -1e5, max: 2e5, noNaN: true }),
      latencyMs: fc.double({ min: 0, max: 1e5, noNaN: true }),
      inferMs: fc.double({ min: 0, max: 1e5, noNaN: true }),
      deadlineMs: fc.double({ min: 0.1, max: 1e4, noNaN: true }),
    });
    const input = fc.record({
      observations: fc.array(observation, { maxLength: 60 }),
      pending: fc.array(observation, { maxLength: 5 }),
      cpuBusy: share,
      cpuOthers: share,
      psiCpuSome: share,
      accuracy: fc.array(fc.option(fc.double({ min: 0, max: 1, noNaN: true })), {
        minLength: 3,
        maxLength: 3,
      }),
      inputsPerS: fc.double({ min: 0, max: 1e5, noNaN: true }),
      stepMs: fc.integer({ min: 0, max: 100_000 }),
      confirmations: fc.integer({ min: 1, max: 5 }),
    });
    fc.assert(
      fc.property(fc.array(input, { minLength: 1, maxLength: 15 }), (inputs) => {
        let state: DeadlineState | undefined;
        let level = 0;
        let nowMs = 0;
        for (const { stepMs, cpuBusy, cpuOthers, psiCpuSome, ...rest } of inputs) {
          nowMs += stepMs;
          const load = { cpuBusy, cpuOthers, psiCpuSome };
          const decision = decideDeadline({ ...quiet, ...rest, load, nowMs, level }, state);
          expect([0, 1, 2]).toContain(decision.level);
          expect(decision.reason.length).toBeGreaterThan(5);
          expect(decision.reason).not.toMatch(/NaN|undefined|Infinity/);
          expect(Number.isFinite(decision.slowdown)).toBe(true);
          ({ level, state } = decision);
        }
      }),
      { numRuns: 200 },
    );
  });
});
