import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createDecider } from '../../../agent/decide/decider.ts';
import { createSteadyReadings } from '../../../agent/decide/steady-readings.ts';
import { parseProfile } from '../../../agent/profile/load-profile.ts';
import type { Reading } from '../../../agent/sense/sensor.ts';
import { calibration, quiet } from './policy-input.ts';

/** Feeds one value every `stepMs`, and tells what is believed after each; null where nothing is yet. */
function believe(name: string, values: readonly number[], stepMs = 500): (number | null)[] {
  const steady = createSteadyReadings();
  return values.map((value, index) => {
    const atMs = index * stepMs;
    const [taken] = steady.take([{ name, value, unit: '', atMs, labels: { zone: 'a' } }], atMs);
    return taken?.value ?? null;
  });
}

const times = <Value>(count: number, value: Value) => Array.from({ length: count }, () => value);
const profile = parseProfile('guards: { max_temp_c: 80, battery_reserve: 0.2, min_memory_mib: 64 }', {
  name: 'test',
});

/** The level after each round of readings, one every half a second. */
function levels(rounds: readonly Partial<Record<string, number>>[]): number[] {
  const decider = createDecider({ calibration, accuracy: [0.9, 0.85, 0.8], profile: () => profile });
  let level = 0;
  return rounds.map((values, index) => {
    const nowMs = 100_000 + index * 500;
    const readings: Reading[] = Object.entries(values).map(([name, value = 0]) => ({
      name,
      value,
      unit: '',
      atMs: nowMs,
    }));
    ({ level } = decider.decide({ ...quiet, nowMs, readings, level }));
    return level;
  });
}

describe('one sample that does not fit', () => {
  it('of the temperature shuts no level, at the start or later', () => {
    for (const before of [0, 1, 2, 5, 12, 60])
      for (const bogus of [81, 85, 120, 149]) {
        const temps = [...times(before, 60), bogus, ...times(200, 60)];
        expect(levels(temps.map((temperature) => ({ temperature }))).every((level) => level === 0)).toBe(
          true,
        );
      }
  });

  it('makes no slope that shuts levels, though it is near enough to be believed', () => {
    for (const before of [2, 4, 6, 9, 12, 30]) {
      const temps = [...times(before, 70), 75, ...times(200, 70)];
      expect(levels(temps.map((temperature) => ({ temperature }))).every((level) => level === 0)).toBe(true);
    }
  });

  it('of the battery or the memory shuts no level', () => {
    const charges = [...times(5, 0.6), 0, ...times(50, 0.6)];
    const discharged = charges.map((charge) => ({ battery_charge: charge, battery_discharging: 1 }));
    expect(levels(discharged).every((level) => level === 0)).toBe(true);
    const free = [...times(5, 2e9), 0, ...times(50, 2e9)];
    expect(levels(free.map((bytes) => ({ memory_available: bytes }))).every((level) => level === 0)).toBe(
      true,
    );
  });

  it('of a counter of events shuts no level', () => {
    const events = [...times(5, 3), 65_535, ...times(50, 3)];
    expect(
      levels(events.map((count) => ({ over_current_events: count }))).every((level) => level === 0),
    ).toBe(true);
  });
});

describe('a second sample', () => {
  it('makes a fast rise count', () => {
    expect(levels([60, 60, 60, 85, 85].map((temperature) => ({ temperature })))).toEqual([0, 0, 0, 0, 1]);
    expect(levels([60, 60, 70, 83, 96].map((temperature) => ({ temperature }))).at(-1)).toBe(1);
  });

  it('makes an empty battery and full memory count', () => {
    const empty = [0.6, 0.6, 0.05, 0.05].map((charge) => ({
      battery_charge: charge,
      battery_discharging: 1,
    }));
    expect(levels(empty)).toEqual([0, 0, 0, 2]);
    expect(levels([2e9, 2e9, 1e7, 1e7].map((bytes) => ({ memory_available: bytes })))).toEqual([0, 0, 0, 2]);
    expect(levels([1e7, 1e7].map((bytes) => ({ memory_available: bytes })))).toEqual([0, 2]);
  });
});

describe('what is believed', () => {
  it('is the last value that a second sample bore out', () => {
    expect(believe('temperature', [60, 60, 85, 60, 61])).toEqual([null, 60, 60, 60, 61]);
    expect(believe('temperature', [85, 60, 60, 60])).toEqual([null, null, 60, 60]);
    expect(believe('temperature', [60, 85, 60, 60])).toEqual([null, null, 60, 60]);
    expect(believe('temperature', [60, 60, 85, 84, 84])).toEqual([null, 60, 60, 84, 84]);
  });

  it('of a rise that goes on between samples is the nearer of two', () => {
    expect(believe('temperature', [60, 60, 75, 90, 105])).toEqual([null, 60, 60, 75, 90]);
    expect(believe('battery_charge', [0.9, 0.9, 0.5, 0.1])).toEqual([null, 0.9, 0.9, 0.5]);
  });

  it('follows a value that swings', () => {
    const swings = Array.from({ length: 20 }, (_, index) => (index % 2 === 0 ? 70 : 85));
    expect(believe('temperature', swings).slice(3)).toContain(85);
  });

  it('is not borne out by the same sample, however often it is looked at', () => {
    const steady = createSteadyReadings();
    const at = (value: number, atMs: number): Reading => ({
      name: 'temperature',
      value,
      unit: 'celsius',
      atMs,
    });
    for (const atMs of [0, 500]) steady.take([at(60, atMs)], atMs);
    const bogus = at(85, 1000);
    for (let nowMs = 1000; nowMs < 20_000; nowMs += 500)
      expect(steady.take([nowMs < 5000 ? bogus : { ...bogus }], nowMs)[0]?.value).toBe(60);
  });

  it('is the first sample if no other one comes, as from a command that is run seldom', () => {
    const steady = createSteadyReadings();
    const reading = { name: 'battery_charge', value: 0.05, unit: 'ratio', atMs: 0 };
    expect(steady.take([reading], 0)).toEqual([]);
    expect(steady.take([reading], 4000)).toEqual([]);
    expect(steady.take([reading], 5000)).toEqual([reading]);
    expect(believe('temperature', [60, 61, 62], 600_000)).toEqual([null, 61, 62]);
  });

  it('is apart for each zone, and whatever has no bound passes as it is', () => {
    const steady = createSteadyReadings();
    const zone = (value: number, type: string, atMs: number) => ({
      name: 'temperature',
      value,
      unit: 'celsius',
      atMs,
      labels: { type },
    });
    steady.take([zone(60, 'cpu', 0), zone(90, 'gpu', 0)], 0);
    const load = { name: 'cpu_others', value: 1, unit: 'ratio', atMs: 500 };
    expect(steady.take([zone(61, 'cpu', 500), zone(91, 'gpu', 500), load], 500)).toHaveLength(3);
    expect(steady.take([{ ...load, value: Number.NaN }], 1000)).toEqual([]);
  });

  it('is always a value that was read, and at last the one that stays', () => {
    const value = fc.double({ min: -40, max: 150, noNaN: true });
    fc.assert(
      fc.property(
        fc.array(value, { maxLength: 30 }),
        value,
        fc.integer({ min: 100, max: 3000 }),
        (some, last, step) => {
          const values = [...some, ...times(12, last)];
          const believed = believe('temperature', values, step);
          for (const one of believed)
            if (one !== null) expect(values.some((v) => Math.abs(v - one) < 1e-9)).toBe(true);
          expect(believed.at(-1)).toBeCloseTo(last, 9);
        },
      ),
    );
  });
});
