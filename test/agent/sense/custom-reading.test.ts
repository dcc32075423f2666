import fc from 'fast-check';
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

  it('is none where the end of what is read cuts the number', async () => {
    const root = await writeTree({ long: `${' '.repeat(4094)}1234`, short: `${' '.repeat(4000)}1234` });
    const [cut] = readingsOf('  - { name: a, file: /long, unit: watts }');
    expect(await createCustomSensor(cut!, { root, ...clock }).read()).toHaveProperty('noData');
    const [whole] = readingsOf('  - { name: a, file: /short, unit: watts }');
    expect(await createCustomSensor(whole!, { root, ...clock }).read()).toMatchObject([{ value: 1234 }]);
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
      noData: 'what was read has no number, or none that has one meaning alone',
    });
  });

  it('is refused where it has no source or two, or a name that telemetry cannot hold', () => {
    expect(() => readingsOf('  - { name: a, unit: watts }')).toThrow('either "file" or "command"');
    expect(() => readingsOf('  - { name: a, unit: watts, file: /x, command: [y] }')).toThrow('either "file"');
    expect(() => readingsOf('  - { name: "A b", unit: watts, file: /x }')).toThrow('snake_case');
    expect(() => readingsOf('  - { name: a, unit: watts, file: x }')).toThrow('/');
  });

  it.each([
    ['v=12.5V, 3A', 12.5],
    ['-7', -7],
    ['.85', 0.85],
    ['-.5', -0.5],
    ['+.5e1', 5],
    ['5.', 5],
    ['charge is 87.', 87],
    ['87%', 87],
    ["temp=52.0'C", 52],
    ['23.5°C', 23.5],
    ['4.2kWh', 4.2],
    ['−3.5 W', -3.5],
    ['1e5', 100_000],
    ['1234567890123456789', 1.2345678901234568e18],
    ['0.12500000000000000000001', 0.125],
    ['BAT0: 87', 87],
    ['temp1 (cpu) 45.5', 45.5],
    ['name,87', 87],
    ['12 34', 12],
    ['50000 100000', 50_000],
    ['charge - 87', 87],
    ['4.2eV', 4.2],
    ['\ufeff42\r\n', 42],
  ])('reads the first number of %j as %d', (text, value) => {
    expect(firstNumber(text)).toBe(value);
  });

  it.each([
    '',
    'none',
    '12 345',
    '1 234,5',
    '1\u2009234',
    '1\u066c234',
    '10²',
    '5½',
    '1.5×10^3',
    '1.5 x 10^3',
    '1^5',
    '5e',
    '5e-',
    '0xZZ',
    '- 5',
    'temp = - 5',
    'nan 50',
    'charge: NaN, 50',
    'nan',
    'inf',
    '.',
    '-',
    '1,234.5',
    '1.234,5',
    '12,5',
    '1,2,3',
    '1_000',
    "1'000",
    '1’000',
    '1\u00a0234',
    '1\u202f234',
    '1e400',
    '-1e999',
    '9'.repeat(400),
    '0x1F',
    '0xff',
    '0b10',
    '1.2.3',
    '192.168.0.1',
    '12:30',
    '2026-11-30',
    '30/11/2026',
    '1-2',
    '--5',
    '28-0316a2794',
    '3f2a',
    'a5',
    'x.85',
  ])('has no reading rather than a wrong one of %j', (text) => {
    expect(firstNumber(text)).toBeUndefined();
  });

  it('gives a number or nothing for any text, in time that grows with its length', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
        const value = firstNumber(text);
        expect(value === undefined || Number.isFinite(value)).toBe(true);
      }),
    );
    expect(firstNumber('1'.repeat(4096))).toBeUndefined();
    expect(firstNumber('a1'.repeat(2048))).toBeUndefined();
  });

  it('is whole for every double that is printed', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        expect(firstNumber(`x = ${value} W`)).toBe(Number(String(value)));
      }),
    );
  });

  it('has no reading if its scale leads out of the range of a double', async () => {
    const root = await writeTree({ n: '1e300' });
    const [reading] = readingsOf('  - { name: n, file: /n, unit: watts, scale: 1e300 }');
    expect(await createCustomSensor(reading!, { root, ...clock }).read()).toHaveProperty('noData');
  });
});
