import { existsSync, readlinkSync, realpathSync } from 'node:fs';
import { join, relative } from 'node:path';
import { readBounded } from './read-bounded.ts';

const fields = [
  'type',
  'scope',
  'present',
  'status',
  'online',
  'capacity',
  'capacity_level',
  'energy_now',
  'energy_avg',
  'energy_full',
  'energy_full_design',
  'charge_now',
  'charge_avg',
  'charge_full',
  'charge_full_design',
  'voltage_min_design',
  'voltage_max_design',
  'voltage_now',
  'power_now',
  'current_now',
  'model_name',
] as const;

/** The text of a supply's files (Documentation/ABI/testing/sysfs-class-power); a file that cannot be read is absent. */
export type SupplyFiles = Partial<Record<(typeof fields)[number], string>>;

/** What the folders around a supply say about what it belongs to. */
export type SupplyPlace = {
  name: string;
  /** The device's folder in /sys/devices and the bus of that device, as paths; empty if there is no link. */
  path?: string;
  /** `uevent` of the device that registered the supply. */
  uevent?: string;
};

/** A battery or UPS that powers this machine. Shares are 0..1, energies watt-hours, charges ampere-hours. */
export type Pack = {
  kind: 'pack';
  name: string;
  isUps: boolean;
  /** From `capacity`, or from its level. */
  share?: number;
  energyWh?: number;
  energyFullWh?: number;
  chargeAh?: number;
  chargeFullAh?: number;
  /** Always positive: the sign of current differs between drivers. */
  powerW?: number;
  status: 'charging' | 'discharging' | 'idle' | 'unknown';
  /** False if nothing but its type says that it powers the machine: it may belong to a peripheral. */
  isCertain: boolean;
};

/** What feeds the machine from outside: mains, USB, a dock, wireless charging. */
export type External = { kind: 'external'; name: string; online: boolean };

function number(text: string | undefined): number | undefined {
  return text !== undefined && /^-?\d{1,15}$/.test(text.trim()) ? Number(text) : undefined;
}

/** The first of them that is a positive number, in millionths. */
function positive(...texts: (string | undefined)[]): number | undefined {
  const micro = texts.map(number).find((value) => value !== undefined && value > 0);
  return micro === undefined ? undefined : micro / 1e6;
}

/** A stock in millionths; a gauge that has drifted below zero is empty. */
function stock(...texts: (string | undefined)[]): number | undefined {
  const micro = texts.map(number).find((value) => value !== undefined);
  return micro === undefined ? undefined : Math.max(0, micro / 1e6);
}

/** Drivers of peripherals name their batteries so (hid-input.c, hid-logitech-hidpp.c, wacom_sys.c, hid-sony.c and others). */
const peripheralName =
  /^(hid(pp|-)|wacom_|wiimote_|sony_|ps-controller|nintendo_|xpadneo|steam-?(controller|deck-c)|gip)|mouse|keyboard|kbd|headset|headphone|earbud|controller|gamepad|joystick|trackpad|touchpad|stylus|\bpen\b/i;
/** Buses at which peripherals are, and the name of a HID device (`0003:046D:4082.0005`). */
const peripheralPath =
  /\/(hid|bluetooth|uhid|serio|input|hci\d+)(\/|$)|\/[\da-f]{4}:[\da-f]{4}:[\da-f]{4}\.[\da-f]{4}(\/|$)/im;
const peripheralUevent = /^(HID_ID=|HID_NAME=|MODALIAS=(hid|input|bluetooth):)/m;
/** Names that firmware gives to a machine's own packs (ACPI, embedded controllers). */
const ownName = /^(BAT|CMB)[\dA-Z]{0,2}$|^((main|macsmc|sbs|cros)[-_])?battery$/i;

const electrical = [
  'energy_now',
  'energy_full',
  'charge_now',
  'charge_full',
  'voltage_now',
  'voltage_min_design',
  'power_now',
  'current_now',
] as const;

/**
 * Whether a supply belongs to a peripheral such as a mouse, not to the machine. `scope` decides if the driver gives it (`Device` or `System`); else
 * the bus of the device that it belongs to, and for a battery its name or model. A UPS is often on a peripherals' bus, so there only `scope` counts.
 */
function isPeripheral(files: SupplyFiles, { name, path = '', uevent = '' }: SupplyPlace): boolean {
  const scope = files.scope?.trim();
  const type = files.type?.trim();
  if (scope === 'Device' || scope === 'System' || type === 'UPS') return scope === 'Device';
  if (peripheralPath.test(path) || peripheralUevent.test(uevent)) return true;
  return type === 'Battery' && [name, files.model_name ?? ''].some((text) => peripheralName.test(text));
}

/** Words of `capacity_level` as UPower reads them. */
const levelShares: Record<string, number> = { Critical: 0.05, Low: 0.1, Normal: 0.55, High: 0.7, Full: 1 };
const statuses: Record<string, Pack['status']> = {
  Charging: 'charging',
  Discharging: 'discharging',
  'Not charging': 'idle',
  Full: 'idle',
};

function readShare({ capacity, capacity_level: level }: SupplyFiles): number | undefined {
  const percent = number(capacity);
  if (percent !== undefined) return Math.min(1, Math.max(0, percent / 100));
  return levelShares[level?.trim() ?? ''];
}

function readPowerW({ power_now, current_now, voltage_now }: SupplyFiles): number | undefined {
  const [microwatts, microamps, microvolts] = [power_now, current_now, voltage_now].map(number);
  const powerW =
    microwatts !== undefined
      ? Math.abs(microwatts) / 1e6
      : microamps !== undefined && microvolts !== undefined
        ? (Math.abs(microamps) * microvolts) / 1e12
        : undefined;
  return powerW !== undefined && powerW >= 0 && powerW < 10_000 ? powerW : undefined;
}

/** @returns undefined for what neither powers the machine nor feeds it: a peripheral's battery, an empty bay, an unknown type. */
export function parseSupply(files: SupplyFiles, place: SupplyPlace): Pack | External | undefined {
  const type = files.type?.trim();
  const { name } = place;
  if (!type || isPeripheral(files, place)) return undefined;
  if (type !== 'Battery' && type !== 'UPS') {
    const online = number(files.online);
    return online === undefined ? undefined : { kind: 'external', name, online: online > 0 };
  }
  if (number(files.present) === 0) return undefined;
  // Without a design voltage the present one: it serves for both sides of the share, so that its changes cancel out.
  const volts = positive(files.voltage_min_design, files.voltage_max_design, files.voltage_now);
  const chargeAh = stock(files.charge_now, files.charge_avg);
  const chargeFullAh = positive(files.charge_full, files.charge_full_design);
  const product = (ampereHours: number | undefined) =>
    ampereHours === undefined || volts === undefined ? undefined : ampereHours * volts;
  const all = {
    share: readShare(files),
    energyWh: stock(files.energy_now, files.energy_avg) ?? product(chargeAh),
    energyFullWh: positive(files.energy_full, files.energy_full_design) ?? product(chargeFullAh),
    chargeAh,
    chargeFullAh,
    powerW: readPowerW(files),
  };
  return {
    kind: 'pack',
    name,
    isUps: type === 'UPS',
    ...(Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)) as typeof all),
    status: statuses[files.status?.trim() ?? ''] ?? 'unknown',
    isCertain:
      type === 'UPS' ||
      files.scope?.trim() === 'System' ||
      ownName.test(name) ||
      electrical.some((field) => number(files[field]) !== undefined),
  } as Pack;
}

/** Where links lead, below `root`; a recorded tree may have none. */
function findPath(root: string, folder: string): string {
  const follow = (path: string): string => {
    try {
      return `/${relative(realpathSync.native(root), realpathSync.native(path))}`;
    } catch {
      return '';
    }
  };
  let bus = '';
  try {
    bus = readlinkSync(join(folder, 'device/subsystem'));
  } catch {
    // No device, or it has no bus.
  }
  // A peripheral's battery has an input device as its sibling.
  const input = existsSync(join(folder, 'device/input')) ? '/input/' : '';
  return [follow(folder), follow(join(folder, 'device')), bus, input].join('\n');
}

/** Reads one supply of /sys/class/power_supply. */
export async function readSupply(root: string, name: string): Promise<Pack | External | undefined> {
  const folder = join(root, 'sys/class/power_supply', name);
  const read = async (some: readonly (typeof fields)[number][]): Promise<SupplyFiles> => {
    const texts = await Promise.all(
      some.map(async (field) => [field, await readBounded(join(folder, field), 256)] as const),
    );
    return Object.fromEntries(texts.filter(([, text]) => text !== undefined));
  };
  const head = await read(['type', 'scope']);
  const scope = head.scope?.trim();
  if (head.type === undefined || scope === 'Device') return undefined;
  const isPack = /^(Battery|UPS)\s*$/.test(head.type);
  const files = { ...head, ...(await read(isPack ? fields.slice(2) : ['online'])) };
  if (scope === 'System') return parseSupply(files, { name });
  const uevent = await readBounded(join(folder, 'device/uevent'), 2048);
  return parseSupply(files, { name, path: findPath(root, folder), ...(uevent ? { uevent } : {}) });
}
