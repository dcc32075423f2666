import { describe, expect, it } from 'vitest';
import { parseProfile } from '../../../agent/profile/load-profile.ts';
import { createAsk } from '../../../agent/sense/ask-command.ts';
import { createChildren } from '../../../agent/sense/children.ts';
import { createCustomSensor, firstNumber } from '../../../agent/sense/custom-reading.ts';
import { writeTree } from './write-tree.ts';

const clock = { nowMs: () => 1000, monotonicMs: () => 0, ask: createAsk(createChildren()) };

const readingsOf = (yaml: string) => parseProfile(`readings:\n${yaml}`, { name: 'test' }).readings;

describe('a reading that a profile asks for', () => {
  it('comes from a file, scaled', async () => {
    const root = await writeTree({ 'run/ups/charge': 'charge: 87 %\n' });
    const [reading] = readingsOf('  - { name: ups_charge, file: /run/ups/charge, unit: ratio, scale: 0.01 }');
    expect(await createCustomSensor(reading!, { root, ...clock }).read()).toEqual([
      { name: 'ups_charge', value: 0.87, unit: 'ratio', atMs: 1000 },
    ]);
    const gone = createCustomSensor(reading!, { root: await writeTree({}), ...clock });
    expect(await gone.read()).toEqual({ noData: 'the file "/run/ups/charge" cannot be read' });
  });

  it('comes from what a command prints, which runs without a shell', async () => {
    const [reading] = readingsOf('  - { name: ups_power, command: [echo, "$(id) -3.5e0 W"], unit: watts }');
    expect(await createCustomSensor(reading!, { root: '/', ...clock }).read()).toMatchObject([
      { value: -3.5 },
    ]);
    const [absent] = readingsOf('  - { name: ups_power, command: [/nowhere/ups], unit: watts }');
    expect(await createCustomSensor(absent!, { root: '/', ...clock }).read()).toHaveProperty('cure');
    const [words] = readingsOf('  - { name: ups_power, command: [echo, none], unit: watts }');
    expect(await createCustomSensor(words!, { root: '/', ...clock }).read()).toEqual({
      noData: 'there is no number in what was read',
    });
  });

  it('is refused where it has no source or two, or a name that telemetry cannot hold', () => {
    expect(() => readingsOf('  - { name: a, unit: watts }')).toThrow('either "file" or "command"');
    expect(() => readingsOf('  - { name: a, unit: watts, file: /x, command: [y] }')).toThrow('either "file"');
    expect(() => readingsOf('  - { name: "A b", unit: watts, file: /x }')).toThrow('snake_case');
    expect(() => readingsOf('  - { name: a, unit: watts, file: x }')).toThrow('/');
  });

  it('takes the first number', () => {
    expect(firstNumber('v=12.5V, 3A')).toBe(12.5);
    expect(firstNumber('-7')).toBe(-7);
    expect(firstNumber('')).toBeUndefined();
  });
});
