import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createDecider, type Situation } from '../../../agent/decide/decider.ts';
import { parseProfile } from '../../../agent/profile/load-profile.ts';
import { answers, calibration, quiet } from './policy-input.ts';

const accuracy = [0.9, 0.85, 0.8];
const profileOf = (text: string) => {
  const profile = parseProfile(text, { name: 'test' });
  return () => profile;
};
const create = (profile = '') => createDecider({ calibration, accuracy, profile: profileOf(profile) });

const readingAt = (atMs: number) => (name: string, value: number, labels?: Record<string, string>) => ({
  name,
  value,
  unit: '',
  atMs,
  ...(labels ? { labels } : {}),
});

/** Whatever sensors and requests may say, with absent and broken ones among them. */
const situations = fc.array(
  fc.record({
    stepMs: fc.integer({ min: 1, max: 5000 }),
    slowdown: fc.double({ min: 0.5, max: 12, noNaN: true }),
    count: fc.integer({ min: 0, max: 12 }),
    inputsPerS: fc.double({ min: 0, max: 500, noNaN: true }),
    tempC: fc.option(fc.oneof(fc.double({ min: 20, max: 110, noNaN: true }), fc.constant(Number.NaN))),
    others: fc.option(fc.oneof(fc.double({ min: 0, max: 1, noNaN: true }), fc.constant(Number.NaN))),
    charge: fc.option(fc.oneof(fc.double({ min: 0, max: 1, noNaN: true }), fc.constant(Number.NaN))),
    isEarly: fc.boolean(),
  }),
  { minLength: 1, maxLength: 25 },
);

type Step = typeof situations extends fc.Arbitrary<(infer One)[]> ? One : never;

/** Feeds the steps to a decider; tells every decision, with what was shut before it by a guard that works alone. */
function play(steps: Step[], profile: string) {
  const decider = create(profile);
  let nowMs = 100_000;
  let level = 0;
  return steps.map(({ stepMs, slowdown, count, inputsPerS, tempC, others, charge, isEarly }) => {
    nowMs += stepMs;
    const reading = readingAt(nowMs);
    const situation: Situation = {
      nowMs,
      observations: answers({ ...quiet, nowMs, level }, count, slowdown),
      pending: [],
      inputsPerS,
      readings: [
        ...(tempC === null ? [] : [reading('temperature', tempC, { type: 'cpu-thermal' })]),
        ...(others === null ? [] : [reading('cpu_others', others)]),
        ...(charge === null
          ? []
          : [
              reading('battery_charge', charge, { supply: 'BAT0' }),
              reading('battery_discharging', 1, { supply: 'BAT0' }),
            ]),
      ],
      level,
    };
    const decided = decider.decide(situation, { isEarly });
    ({ level } = decided);
    const due = { dueMs: nowMs + 50, batch: 1 };
    const relief = decider.levelFor({ request: due, ahead: undefined, behind: [] }, { ...situation, level });
    return { ...decided, relief };
  });
}

const guarded = 'guards: { max_temp_c: 80, battery_reserve: 0.2 }\nbattery: { last_for: 8h }';

describe('a decider', () => {
  it('never chooses what there is not, relieves by sparser levels alone, and gives reasons with numbers', () => {
    fc.assert(
      fc.property(situations, fc.constantFrom('', guarded, 'accuracy_goal: 0.82'), (steps, profile) => {
        for (const { level, reason, slowdown, relief } of play(steps, profile)) {
          expect([0, 1, 2]).toContain(level);
          expect(reason).toMatch(/\d/);
          expect(reason).not.toMatch(/undefined|Infinity/);
          expect(Number.isFinite(slowdown)).toBe(true);
          if (relief !== undefined) expect(relief).toBeGreaterThan(level);
          if (profile.startsWith('accuracy_goal')) expect(level).toBeGreaterThanOrEqual(1);
        }
      }),
      { numRuns: 150 },
    );
  });

  it('decides the same for the same', () => {
    fc.assert(
      fc.property(situations, (steps) => {
        expect(play(steps, guarded)).toEqual(play(steps, guarded));
      }),
      { numRuns: 40 },
    );
  });

  it('never runs a level that a guard has shut, nor relieves by one', () => {
    fc.assert(
      fc.property(situations, (steps) => {
        // A charge is believed at its second sample.
        const [first] = steps;
        const empty = [{ ...first!, stepMs: 1000 }, { ...first!, stepMs: 1000 }, ...steps].map((step) => ({
          ...step,
          charge: 0.1,
        }));
        for (const { level } of play(empty, guarded).slice(1)) expect(level).toBe(2);
      }),
      { numRuns: 40 },
    );
  });

  it('goes to a denser level only where it is predicted to fit', () => {
    fc.assert(
      fc.property(situations, (steps) => {
        let before = 0;
        for (const { level, reason } of play(steps, '')) {
          if (level < before) {
            const [, predicted = ''] = /level \d predicted ([\d.]+) ms/.exec(reason) ?? [];
            expect(Number(predicted)).toBeLessThan(50);
          }
          before = level;
        }
      }),
      { numRuns: 150 },
    );
  });

  it('with an accuracy goal takes the level of least energy that reaches it', () => {
    const decider = create('accuracy_goal: 0.84');
    const decided = decider.decide({ ...quiet, readings: [] });
    expect(decided.level).toBe(1);
    expect(decided.reason).toContain('accuracy goal 84%');
  });

  it('takes as few threads as will do, where calibration knows several numbers', () => {
    const levels = calibration.levels.map((level) => ({
      ...level,
      byThreads: [1, 2].map((threads) => ({
        engine: 'sparse' as const,
        runs: 50,
        threads,
        p50Ms: level.p50Ms / threads,
        p95Ms: level.p95Ms / threads,
        meanMs: level.meanMs / threads,
      })),
    }));
    const threadsAt = (deadlineMs: number) =>
      createDecider({
        calibration: { ...calibration, levels },
        accuracy,
        profile: profileOf(`deadline_ms: ${deadlineMs}`),
      }).decide({ ...quiet, readings: [], inputsPerS: 1, threads: 1 });
    expect(threadsAt(50)).toMatchObject({ level: 0, threads: 1 });
    expect(threadsAt(17)).toMatchObject({ level: 0, threads: 2 });
  });

  it('an operator who asks for what is in force loses nothing that was learnt', () => {
    const decider = create();
    decider.decide({ ...quiet, readings: [], observations: answers(quiet, 20, 6) });
    decider.setPolicy({ kind: 'fixed', level: 1 });
    expect(decider.decide({ ...quiet, readings: [] })).toMatchObject({
      level: 1,
      slowdown: expect.closeTo(6, 0),
    });
    expect(
      decider.levelFor({ request: { dueMs: 0, batch: 1 }, ahead: undefined, behind: [] }, quiet),
    ).toBeUndefined();
  });
});
