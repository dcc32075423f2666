import { describe, expect, it } from 'vitest';
import { readHealth } from '../../../agent/decide/read-health.ts';
import { createTemperatureSensor } from '../../../agent/sense/temperature.ts';
import { writeTree } from './write-tree.ts';

type Chip = { name: string; [file: string]: string | number };

/** A root with monitoring chips `hwmon0` and on, and thermal zones by type. */
function write(chips: Chip[], zones: Record<string, string | number> = {}): Promise<string> {
  return writeTree(
    Object.fromEntries([
      ...chips.flatMap((chip, index) =>
        Object.entries(chip).map(([file, value]) => [`sys/class/hwmon/hwmon${index}/${file}`, `${value}\n`]),
      ),
      ...Object.entries(zones).flatMap(([type, temp], index) => [
        [`sys/class/thermal/thermal_zone${index}/type`, `${type}\n`],
        [`sys/class/thermal/thermal_zone${index}/temp`, `${temp}\n`],
      ]),
    ]),
  );
}

/** Every temperature, and the one that guards look at. */
async function read(chips: Chip[], zones: Record<string, string | number> = {}) {
  const result = await createTemperatureSensor({ root: await write(chips, zones), nowMs: () => 0 }).read();
  const readings = Array.isArray(result) ? result : [];
  return {
    temps: readings.map(({ value, labels }) => [labels?.type, labels?.sensor, value]),
    guarded: readHealth(readings).tempC,
  };
}

/** `temp1`, `temp2` and on; a label of undefined has no file. */
const sensors = (...all: [label: string | undefined, milliC: number | string][]) =>
  Object.fromEntries(
    all.flatMap(([label, milliC], index) => [
      [`temp${index + 1}_input`, milliC],
      ...(label === undefined ? [] : [[`temp${index + 1}_label`, label]]),
    ]),
  );

describe('the temperature of a processor', () => {
  it('is the die of an AMD processor, not the value that its fan is controlled by', async () => {
    const amd = sensors(['Tctl', 87_000], ['Tdie', 60_000], ['Tccd1', 61_000]);
    for (const name of ['k10temp', 'zenpower'])
      expect(await read([{ name, ...amd }])).toEqual({ temps: [[name, 'Tdie', 60]], guarded: 60 });
  });

  it('is Tctl if there is no Tdie, and never because that cannot be read', async () => {
    expect((await read([{ name: 'k10temp', ...sensors(['Tctl', 63_250]) }])).guarded).toBe(63.25);
    expect((await read([{ name: 'k10temp', ...sensors([undefined, 58_000]) }])).guarded).toBe(58);
    const broken = sensors(['Tctl', 87_000], ['Tdie', -300_000], ['Tccd1', 61_000]);
    expect((await read([{ name: 'k10temp', ...broken }])).temps).toEqual([['k10temp', 'Tccd1', 61]]);
    const alone = sensors(['Tctl', 87_000], ['Tdie', '']);
    expect((await read([{ name: 'k10temp', ...alone }])).temps).toEqual([]);
  });

  it('is the package of an Intel processor, wherever it stands; of several the hottest counts', async () => {
    const one = { ...sensors(['Core 0', 71_000], ['Package id 0', 70_000], ['Core 1', 55_000]) };
    const two = {
      temp2_input: 48_000,
      temp2_label: 'Core 0',
      temp9_input: 74_000,
      temp9_label: 'Package id 1',
    };
    expect(
      await read([
        { name: 'coretemp', ...one },
        { name: 'nvme', ...sensors(['Composite', 81_000]) },
        { name: 'coretemp', ...two },
      ]),
    ).toEqual({
      temps: [
        ['coretemp', 'Package id 0', 70],
        ['coretemp', 'Package id 1', 74],
      ],
      guarded: 74,
    });
  });

  it('is the hottest core without a package, and the hottest sensor without labels', async () => {
    const cores = { temp2_input: 48_000, temp2_label: 'Core 0', temp3_input: 52_000, temp3_label: 'Core 1' };
    expect((await read([{ name: 'coretemp', ...cores }])).temps).toEqual([['coretemp', 'Core 1', 52]]);
    const bare = { temp2_input: 48_000, temp3_input: 52_000, temp4_input: 999_000 };
    expect((await read([{ name: 'coretemp', ...bare }])).temps).toEqual([['coretemp', undefined, 52]]);
    expect((await read([{ name: 'cpu_thermal', temp1_input: 44_000 }])).guarded).toBe(44);
    expect((await read([{ name: 'soc_thermal', temp1_input: 45_000 }])).guarded).toBe(45);
  });

  it('leaves out a sensor with a fault', async () => {
    const fault = { ...sensors(['Package id 0', 127_000], ['Core 0', 52_000]), temp1_fault: 1 };
    expect((await read([{ name: 'coretemp', ...fault }])).temps).toEqual([['coretemp', 'Core 0', 52]]);
  });

  it('comes from the zone of the processor if there is one, acpitz being none', async () => {
    const chip = { name: 'coretemp', ...sensors(['Package id 0', 70_000]) };
    expect(await read([chip], { acpitz: 99_000, x86_pkg_temp: 66_000 })).toEqual({
      temps: [
        ['acpitz', undefined, 99],
        ['x86_pkg_temp', undefined, 66],
      ],
      guarded: 66,
    });
    expect(await read([chip], { acpitz: 99_000 })).toMatchObject({ guarded: 70 });
    expect(await read([chip], { acpitz: 99_000, x86_pkg_temp: 'broken' })).toMatchObject({ guarded: 70 });
    for (const type of ['cpu-thermal', 'soc-thermal', 'cpu_thermal', 'CPU-therm', 'tj-thermal'])
      expect(await read([], { acpitz: 99_000, [type]: 50_000 })).toMatchObject({ guarded: 50 });
  });

  it('comes from the chip of the board if nothing else has it, by its label', async () => {
    const board = { name: 'thinkpad', ...sensors(['GPU', 90_000], ['CPU', 61_000]) };
    expect(await read([board], { iwlwifi_1: 95_000 })).toMatchObject({ guarded: 61 });
    const open = {
      name: 'nct6775',
      ...sensors(['SYSTIN', 40_000], ['CPUTIN', 80_000], ['PECI Agent 0', 127_000]),
    };
    expect((await read([open])).temps).toEqual([]);
    expect((await read([board, { name: 'zenpower', ...sensors(['Tdie', 66_000]) }])).temps).toEqual([
      ['zenpower', 'Tdie', 66],
    ]);
  });
});
