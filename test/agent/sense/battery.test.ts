import { mkdir, symlink, writeFile as writeFileAt } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readHealth } from '../../../agent/decide/read-health.ts';
import { createBatterySensor } from '../../../agent/sense/battery.ts';
import { parseSupply } from '../../../agent/sense/power-supply.ts';
import { writeTree } from './write-tree.ts';

type Files = Record<string, string | number>;
const folder = 'sys/class/power_supply';

/** A root with these supplies; each is a folder of files. */
function write(supplies: Record<string, Files>): Promise<string> {
  return writeTree(
    Object.fromEntries(
      Object.entries(supplies).flatMap(([supply, files]) =>
        Object.entries(files).map(([file, value]) => [`${folder}/${supply}/${file}`, `${value}\n`]),
      ),
    ),
  );
}

const sense = (root: string) => createBatterySensor({ root, nowMs: () => 1000 }).read();

/** Of the whole: charge and whether it is discharged; what guards see of it; what was counted. */
async function read(supplies: Record<string, Files>) {
  const result = await sense(await write(supplies));
  const readings = Array.isArray(result) ? result : [];
  const find = (name: string) => readings.find((reading) => reading.name === name);
  return {
    charge: find('battery_charge')?.value,
    discharging: find('battery_discharging')?.value,
    powerW: find('battery_power')?.value,
    counted: find('battery_charge')?.labels?.supply,
    guarded: readHealth(readings).dischargingCharge,
  };
}

const battery = (more: Files): Files => ({ type: 'Battery', present: 1, status: 'Discharging', ...more });
const mains = (online: number, more: Files = {}): Files => ({ type: 'Mains', online, ...more });

describe('several packs', () => {
  const full = { energy_full: 50_000_000 };

  it('are one charge: the sum of their energy', async () => {
    const found = await read({
      BAT0: battery({ status: 'Not charging', capacity: 94, energy_now: 47_000_000, ...full }),
      BAT1: battery({ capacity: 10, energy_now: 2_000_000, energy_full: 20_000_000, power_now: 9_000_000 }),
      AC: mains(0),
    });
    expect(found).toMatchObject({
      charge: 0.7,
      discharging: 1,
      powerW: 9,
      counted: 'BAT0+BAT1',
      guarded: 0.7,
    });
  });

  it('add up charges at their design voltage where the firmware counts in ampere-hours', async () => {
    const charge = (now: number, volts: number): Files =>
      battery({ charge_now: now, charge_full: 4_000_000, voltage_min_design: volts, voltage_now: 1 });
    // 1 Ah of 4 at 7.4 V, 4 Ah of 4 at 14.8 V.
    const { charge: share } = await read({
      BAT0: charge(1_000_000, 7_400_000),
      BAT1: charge(4_000_000, 14_800_000),
    });
    expect(share).toBeCloseTo((7.4 + 59.2) / (29.6 + 59.2), 9);
  });

  it('average percentages if there is nothing else, and weigh one without energy as an average pack', async () => {
    expect(await read({ BAT0: battery({ capacity: 94 }), BAT1: battery({ capacity: 10 }) })).toMatchObject({
      charge: 0.52,
    });
    const mixed = { BAT0: battery({ energy_now: 50_000_000, ...full }), BAT1: battery({ capacity: 10 }) };
    expect((await read(mixed)).charge).toBeCloseTo(0.55, 9);
  });

  it('are charged if one of them is, and an empty bay is none', async () => {
    const charging = { BAT0: battery({ status: 'Charging', capacity: 50 }), BAT1: battery({ capacity: 50 }) };
    expect(await read(charging)).toMatchObject({ discharging: 0, guarded: undefined });
    const bay = { BAT0: battery({ capacity: 80 }), BAT1: battery({ present: 0, capacity: 0 }) };
    expect(await read(bay)).toMatchObject({ charge: 0.8, counted: 'BAT0' });
  });

  it('do not count beside a UPS, which feeds the machine', async () => {
    const found = await read({
      BAT0: battery({ status: 'Full', capacity: 100 }),
      ups: { type: 'UPS', status: 'Discharging', capacity: 30 },
    });
    expect(found).toMatchObject({ charge: 0.3, discharging: 1, counted: 'ups' });
  });
});

describe('a charge', () => {
  const chargeOf = async (files: Files) => (await read({ BAT0: battery(files) })).charge;

  it('is clamped', async () => {
    expect(await chargeOf({ capacity: 117 })).toBe(1);
    expect(await chargeOf({ capacity: -3 })).toBe(0);
    expect(await chargeOf({ energy_now: 60_000_000, energy_full: 50_000_000 })).toBe(1);
  });

  it('is derived where there is no percentage', async () => {
    expect(await chargeOf({ charge_now: 1_000_000, charge_full: 4_000_000 })).toBe(0.25);
    expect(await chargeOf({ energy_now: 10_000_000, energy_full: 40_000_000 })).toBe(0.25);
    expect(await chargeOf({ energy_now: 10_000_000, energy_full: 0, energy_full_design: 50_000_000 })).toBe(
      0.2,
    );
    expect(await chargeOf({ capacity: 'n/a', charge_avg: 1_000_000, charge_full_design: 2_000_000 })).toBe(
      0.5,
    );
    expect(await chargeOf({ capacity_level: 'Low' })).toBe(0.1);
    expect(await chargeOf({ capacity_level: 'Unknown' })).toBeUndefined();
    expect(await chargeOf({ energy_now: 10_000_000 })).toBeUndefined();
  });
});

describe('status Unknown', () => {
  const unknown = battery({ status: 'Unknown', capacity: 20 });

  it('is a discharge if every external supply is offline', async () => {
    const supplies = { BAT0: unknown, AC: mains(0), usb: { type: 'USB_PD', online: 0 } };
    expect(await read(supplies)).toMatchObject({ discharging: 1, guarded: 0.2 });
    expect(await read({ BAT0: unknown })).toMatchObject({ discharging: 1 });
    expect(await read({ BAT0: battery({ status: 'nonsense', capacity: 20 }), AC: mains(0) })).toMatchObject({
      discharging: 1,
    });
  });

  it('is none if one is online: mains, a port, a pad or a dock', async () => {
    for (const type of ['Mains', 'USB', 'USB_C', 'USB_PD', 'USB_DCP', 'Wireless', 'BrickID'])
      expect(await read({ BAT0: unknown, AC: mains(0), other: { type, online: 1 } })).toMatchObject({
        discharging: 0,
        guarded: undefined,
      });
    // Programmable power of USB-C is `online` 2.
    expect(await read({ BAT0: unknown, port: { type: 'USB', online: 2 } })).toMatchObject({ discharging: 0 });
  });

  it('is judged without the supply of a peripheral', async () => {
    const dock = mains(1, { scope: 'Device' });
    expect(await read({ BAT0: unknown, AC: mains(0), wacom_ac_0: dock })).toMatchObject({ discharging: 1 });
  });
});

describe('a peripheral', () => {
  const mouse = battery({ capacity: 1 });
  const nothing = { charge: undefined, guarded: undefined };

  it('does not count, whatever its scope says', async () => {
    for (const name of ['hidpp_battery_0', 'hid-34:88:5d:aa:bb:cc-battery', 'wacom_battery_1', 'BT_Mouse'])
      for (const scope of [{ scope: 'Device' }, { scope: 'Unknown' }, {}]) {
        expect(await read({ [name]: { ...mouse, ...scope } })).toMatchObject(nothing);
        expect(await read({ [name]: { ...mouse, ...scope }, AC: mains(1) })).toMatchObject(nothing);
      }
    // Some mice give a voltage, too.
    const volts = { ...mouse, scope: 'Unknown', voltage_now: 3_700_000 };
    expect(await read({ hidpp_battery_3: volts })).toMatchObject(nothing);
  });

  it('is known by its model, by its device, or by the sibling that it types with', async () => {
    expect(await read({ psy0: { ...mouse, model_name: 'Wireless Mouse MX' } })).toMatchObject(nothing);
    const uevent = 'DRIVER=logitech-hidpp\nHID_ID=0003:0000046D:00004082';
    expect(await read({ psy0: { ...mouse, 'device/uevent': uevent } })).toMatchObject(nothing);
    expect(await read({ psy0: { ...mouse, 'device/input/input7/name': 'x' } })).toMatchObject(nothing);
  });

  it('is known by the bus that its links lead to', async () => {
    const root = await writeTree({});
    const link = async (target: string) => {
      const device = join(root, 'sys/devices', target, 'power_supply/psy0');
      await mkdir(device, { recursive: true });
      await mkdir(join(root, folder), { recursive: true });
      for (const [file, text] of Object.entries(mouse)) await writeFileAt(join(device, file), `${text}\n`);
      await symlink(device, join(root, folder, `psy${target.length}`));
    };
    await link('pci0000:00/0000:00:14.0/usb1/1-4/1-4:1.2/0003:046D:C52B.0003');
    await link('virtual/misc/uhid');
    expect(await sense(root)).toHaveProperty('noData');
    await link('platform/soc/i2c-1/1-0036');
    expect(await sense(root)).toContainEqual(
      expect.objectContaining({ name: 'battery_charge', value: 0.01 }),
    );
  });

  it('that nothing gives away does not count beside a battery of the machine, nor on mains', async () => {
    expect(await read({ BAT0: battery({ capacity: 60 }), gizmo: mouse })).toMatchObject({
      charge: 0.6,
      counted: 'BAT0',
    });
    expect(await read({ gizmo: mouse, AC: mains(1) })).toMatchObject(nothing);
    // Alone, it may be the machine's own gauge.
    expect(await read({ gizmo: mouse })).toMatchObject({ charge: 0.01, discharging: 1 });
  });

  it('is not the battery of the machine because that says little', async () => {
    expect(await read({ BAT0: battery({ capacity: 12, scope: 'System' }), AC: mains(0) })).toMatchObject({
      guarded: 0.12,
    });
    expect(
      await read({ max17040: battery({ capacity: 12, voltage_now: 3_600_000 }), AC: mains(1) }),
    ).toMatchObject({ guarded: 0.12 });
    // A UPS is often on a bus of peripherals.
    expect(await read({ ups: { type: 'UPS', capacity: 9, 'device/uevent': 'HID_ID=1' } })).toMatchObject({
      charge: 0.09,
    });
  });
});

it('power_now is preferred to current times voltage, and is always positive', () => {
  const files = { type: 'UPS', power_now: '-7000000', current_now: '1', voltage_now: '1' };
  expect(parseSupply(files, { name: 'ups' })).toMatchObject({ kind: 'pack', powerW: 7 });
  expect(parseSupply({ ...files, power_now: 'x' }, { name: 'ups' })).toMatchObject({ powerW: 1e-12 });
});
