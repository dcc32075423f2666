import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decideDeadline } from '../../../agent/decide/deadline.ts';
import {
  decideGuards,
  type GuardLimits,
  type GuardState,
  type Health,
  slopeOf,
} from '../../../agent/decide/guards.ts';
import { readHealth } from '../../../agent/decide/read-health.ts';
import { quiet } from './policy-input.ts';

const calm: Health = { throttling: [] };

/** Feeds one health a second, and tells how many levels of four are shut after each. */
function shutBySecond(healths: Health[], limits: GuardLimits = {}): number[] {
  let state: GuardState | undefined;
  return healths.map((health, second) => {
    const decided = decideGuards({ nowMs: second * 1000, health, limits, levels: 4 }, state);
    ({ state } = decided);
    return decided.shut;
  });
}

const seconds = (count: number, health: (second: number) => Health) =>
  Array.from({ length: count }, (_, i) => health(i));

describe('decideGuards()', () => {
  it('shuts one level every 10 s while it is too hot, and opens one every 30 s once it is cool', () => {
    const hot = seconds(35, () => ({ ...calm, tempC: 82 }));
    const cool = seconds(100, () => ({ ...calm, tempC: 60 }));
    const shut = shutBySecond([...hot, ...cool], { maxTempC: 80 });
    expect([0, 9, 10, 19, 20, 34].map((second) => shut[second])).toEqual([1, 1, 2, 2, 3, 3]);
    // From the last cause on: what falls is no cause.
    expect([63, 64, 93, 94, 124].map((second) => shut[second])).toEqual([3, 2, 2, 1, 0]);
  });

  it('looks 30 s ahead along the trend', () => {
    const rising = seconds(20, (second) => ({ ...calm, tempC: 60 + second * 0.5 }));
    const shut = shutBySecond(rising, { maxTempC: 80 });
    // 15 degrees in 30 s: from 65 C on.
    expect(shut.indexOf(1)).toBe(10);
    expect(
      shutBySecond(
        seconds(20, () => ({ ...calm, tempC: 70 })),
        { maxTempC: 80 },
      ),
    ).not.toContain(1);
  });

  it('holds between the limit and three degrees below', () => {
    const healths = [
      ...seconds(3, () => ({ ...calm, tempC: 81 })),
      ...seconds(90, () => ({ ...calm, tempC: 78.5 })),
    ];
    expect(
      shutBySecond(healths, { maxTempC: 80 })
        .slice(3)
        .every((shut) => shut === 1),
    ).toBe(true);
  });

  it('obeys throttle bits, and over-current events that are new', () => {
    expect(shutBySecond([{ throttling: ['throttled'] }])).toEqual([1]);
    const events = [5, 5, 6, 6].map((overCurrentEvents) => ({ ...calm, overCurrentEvents }));
    expect(shutBySecond(events)).toEqual([0, 0, 1, 1]);
  });

  it('leaves the sparsest level alone at once where memory or battery run out', () => {
    const limits = { minMemoryBytes: 2 ** 26, batteryReserve: 0.1 };
    expect(shutBySecond([{ ...calm, memoryAvailableBytes: 2 ** 25 }], limits)).toEqual([3]);
    const charges = [0.2, 0.09, 0.11, 0.11].map((dischargingCharge) => ({ ...calm, dischargingCharge }));
    expect(shutBySecond(charges, limits)).toEqual([0, 3, 3, 3]);
    const charging = seconds(40, () => calm);
    expect(shutBySecond([{ ...calm, dischargingCharge: 0.05 }, ...charging], limits).at(-1)).toBe(2);
  });

  it('never shuts the last level, and always gives a reason where it shuts one', () => {
    const number = fc.double({ noNaN: true, min: -300, max: 300 });
    const health = fc.record({
      tempC: fc.option(number, { nil: undefined }),
      throttling: fc.array(fc.constantFrom('a', 'b'), { maxLength: 2 }),
      overCurrentEvents: fc.option(fc.nat(), { nil: undefined }),
      memoryAvailableBytes: fc.option(fc.nat(), { nil: undefined }),
      dischargingCharge: fc.option(fc.double({ noNaN: true, min: 0, max: 1 }), { nil: undefined }),
    });
    fc.assert(
      fc.property(
        fc.array(fc.tuple(health, fc.nat(20_000)), { maxLength: 30 }),
        fc.integer({ min: 1, max: 5 }),
        (steps, levels) => {
          const limits = { maxTempC: 80, minMemoryBytes: 1000, batteryReserve: 0.2 };
          let state: GuardState | undefined;
          let nowMs = 0;
          for (const [one, elapsedMs] of steps) {
            nowMs += elapsedMs;
            const decided = decideGuards({ nowMs, health: one, limits, levels }, state);
            ({ state } = decided);
            expect(decided.shut).toBeGreaterThanOrEqual(0);
            expect(decided.shut).toBeLessThan(levels);
            expect(decided.reason === undefined).toBe(decided.shut === 0);
          }
        },
      ),
    );
  });

  it('names figures in its reason', () => {
    const limits = { maxTempC: 80, batteryReserve: 0.1 };
    const health = { ...calm, tempC: 82.25, dischargingCharge: 0.07 };
    expect(decideGuards({ nowMs: 0, health, limits, levels: 3 }, undefined).reason).toBe(
      'guard: battery at 7%, reserve 10%, 82.3 C, limit 80 C',
    );
  });
});

describe('slopeOf()', () => {
  it('is the least-squares slope, and nothing for what is too short', () => {
    const line = Array.from({ length: 10 }, (_, i) => ({ atMs: i * 1000, tempC: 50 + i * 0.25 }));
    expect(slopeOf(line)).toBeCloseTo(0.25 / 1000);
    expect(slopeOf(line.slice(0, 4))).toBe(0);
  });
});

describe('readHealth()', () => {
  const reading = (name: string, value: number, labels?: Record<string, string>) => ({
    name,
    value,
    unit: 'ratio',
    atMs: 0,
    ...(labels ? { labels } : {}),
  });

  it('takes the hottest zone near what computes, and the battery that is discharged', () => {
    const readings = [
      reading('temperature', 55, { zone: 'thermal_zone0', type: 'cpu-thermal' }),
      reading('temperature', 61, { zone: 'thermal_zone1', type: 'gpu-thermal' }),
      reading('temperature', 90, { zone: 'thermal_zone2', type: 'iwlwifi_1' }),
      reading('battery_charge', 0.05, { supply: 'BAT0' }),
      reading('battery_discharging', 0, { supply: 'BAT0' }),
      reading('battery_charge', 0.4, { supply: 'BAT1' }),
      reading('battery_discharging', 1, { supply: 'BAT1' }),
      reading('pi_throttled', 1),
      reading('pi_under_voltage', 0),
    ];
    expect(readHealth(readings)).toMatchObject({
      tempC: 61,
      dischargingCharge: 0.4,
      throttling: ['throttled'],
    });
    expect(readHealth([reading('temperature', 90, { type: 'iwlwifi_1' })])).toMatchObject({ tempC: 90 });
    expect(readHealth([])).toMatchObject({ tempC: undefined, throttling: [], dischargingCharge: undefined });
  });
});

describe('decideDeadline() with guards', () => {
  it('leaves a level that is shut at once, and does not go back while it is', () => {
    const guard = { shut: 1, reason: 'guard: 82.0 C, limit 80 C' };
    const down = decideDeadline({ ...quiet, guard, level: 0 }, undefined);
    expect(down.level).toBe(1);
    expect(down.reason).toBe('guard: 82.0 C, limit 80 C; levels before 1 are shut');
    let state = down.state;
    for (let i = 1; i < 100; i += 1) {
      const held = decideDeadline({ ...quiet, guard, level: 1, nowMs: i * 1000 }, state);
      expect(held.level).toBe(1);
      ({ state } = held);
    }
    const free = { shut: 0, reason: undefined };
    const levels = Array.from({ length: 20 }, (_, i) => {
      const decided = decideDeadline({ ...quiet, guard: free, level: 1, nowMs: 100_000 + i * 1000 }, state);
      ({ state } = decided);
      return decided.level;
    });
    expect(levels).toContain(0);
  });
});
