import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type BatteryState, planBattery } from '../../../agent/decide/battery-plan.ts';

const hourMs = 3_600_000;
const goal = { lastForMs: 8 * hourMs, reserve: 0.1 };
const common = { goal, levels: 3, inputsPerS: 10, energyMj: [undefined, undefined, undefined] };

/** Draws from a battery at each level's rate an hour, decided every ten seconds from a gauge of whole percents. */
function live(drainPerHour: number[], hours: number) {
  let state: BatteryState | undefined;
  let charge = 1;
  let shut = 0;
  let changes = 0;
  const held = drainPerHour.map(() => 0);
  for (let second = 0; second < hours * 3600; second += 10) {
    charge -= drainPerHour[shut]! / 360;
    held[shut]! += 10;
    const reading = Math.round(charge * 100) / 100;
    const plan = planBattery({ ...common, nowMs: second * 1000, charge: reading, rung: shut }, state);
    if (plan.shut !== shut) changes += 1;
    ({ state, shut } = { state: plan.state, shut: plan.shut });
    if (charge <= goal.reserve) return { lastedH: (second + 10) / 3600, changes, held };
  }
  return { lastedH: hours, changes, held };
}

describe('planBattery()', () => {
  it('makes a battery last within 3% whenever the sparsest level could', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.02, max: 0.1124, noNaN: true }),
        fc.double({ min: 0, max: 0.15, noNaN: true }),
        fc.double({ min: 0, max: 0.15, noNaN: true }),
        (sparsest, more, most) => {
          const { lastedH } = live([sparsest + more + most, sparsest + more, sparsest], 8);
          expect(lastedH).toBeGreaterThanOrEqual(8 * 0.97);
        },
      ),
      { numRuns: 25 },
    );
  });

  it('leaves the densest level alone where it can be borne, and uses what there is where it cannot', () => {
    expect(live([0.1, 0.08, 0.06], 8).held[0]).toBe(8 * 3600);
    const { held, changes } = live([0.16, 0.11, 0.06], 8);
    expect(held[2]).toBeLessThan(3600);
    expect(changes).toBeLessThan(100);
  });

  it('plans nothing without a battery, or once the time is over, and only the sparsest below the reserve', () => {
    const unknown = planBattery({ ...common, nowMs: 0, charge: undefined, rung: 0 }, undefined);
    expect(unknown).toEqual({ shut: 0, reason: undefined, state: undefined });
    expect(planBattery({ ...common, nowMs: 0, charge: Number.NaN, rung: 0 }, undefined).shut).toBe(0);
    const low = planBattery({ ...common, nowMs: 0, charge: 0.09, rung: 0 }, undefined);
    expect(low.shut).toBe(2);
    expect(low.reason).toMatch(/battery at 9.0% for 8.00 h, 0.0% an hour allowed/);
    expect(planBattery({ ...common, nowMs: 9 * hourMs, charge: 0.09, rung: 0 }, low.state).shut).toBe(0);
  });
});
