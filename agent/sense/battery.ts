import { join } from 'node:path';
import { listBounded, readBounded } from './read-bounded.ts';
import type { NoData, Reading, Sensor, SensorOptions } from './sensor.ts';

const fields = [
  'type',
  'scope',
  'status',
  'online',
  'capacity',
  'power_now',
  'current_now',
  'voltage_now',
] as const;
/** The text of a supply's files (Documentation/ABI/testing/sysfs-class-power); a file that cannot be read is absent. */
export type SupplyFiles = Partial<Record<(typeof fields)[number], string>>;

function number(text: string | undefined): number | undefined {
  return text !== undefined && /^-?\d{1,15}$/.test(text.trim()) ? Number(text) : undefined;
}

/**
 * What a supply says: charge 0..1, power in watts (always positive, as the sign of current differs between drivers),
 * `discharging`, and for mains `online`. Undefined for a peripheral's battery (`scope` Device) and unknown types.
 */
export function parseSupply(
  files: SupplyFiles,
):
  | { kind: 'battery'; charge?: number; powerW?: number; discharging?: boolean }
  | { kind: 'mains'; online: boolean }
  | undefined {
  const type = files.type?.trim();
  if (files.scope?.trim() === 'Device') return undefined;
  if (type === 'Mains') {
    const online = number(files.online);
    return online === undefined ? undefined : { kind: 'mains', online: online > 0 };
  }
  if (type !== 'Battery' && type !== 'UPS') return undefined;
  const capacity = number(files.capacity);
  const microwatts = number(files.power_now);
  const microamps = number(files.current_now);
  const microvolts = number(files.voltage_now);
  const powerW =
    microwatts !== undefined
      ? Math.abs(microwatts) / 1e6
      : microamps !== undefined && microvolts !== undefined
        ? (Math.abs(microamps) * microvolts) / 1e12
        : undefined;
  const status = files.status?.trim();
  return {
    kind: 'battery',
    ...(capacity !== undefined && capacity >= 0 && capacity <= 100 ? { charge: capacity / 100 } : {}),
    ...(powerW !== undefined && powerW >= 0 && powerW < 10_000 ? { powerW } : {}),
    ...(status === undefined || status === 'Unknown' ? {} : { discharging: status === 'Discharging' }),
  };
}

/** `battery_charge` and `battery_discharging` (ratio), `battery_power` (watts), `mains_online`, labelled with the supply's name. */
export function createBatterySensor({ root, nowMs }: SensorOptions): Sensor {
  const folder = join(root, 'sys/class/power_supply');
  return {
    name: 'battery',
    async read(): Promise<Reading[] | NoData> {
      const supplies = (await listBounded(folder)).slice(0, 16);
      const readings = await Promise.all(
        supplies.map(async (supply): Promise<Reading[]> => {
          const texts = await Promise.all(
            fields.map(
              async (field) => [field, await readBounded(join(folder, supply, field), 256)] as const,
            ),
          );
          const parsed = parseSupply(
            Object.fromEntries(texts.filter(([, text]) => text !== undefined)) as SupplyFiles,
          );
          const one = (name: string, value: number | boolean | undefined, unit: string): Reading[] =>
            value === undefined
              ? []
              : [{ name, value: Number(value), unit, atMs: nowMs(), labels: { supply } }];
          if (!parsed) return [];
          if (parsed.kind === 'mains') return one('mains_online', parsed.online, 'ratio');
          return [
            ...one('battery_charge', parsed.charge, 'ratio'),
            ...one('battery_discharging', parsed.discharging, 'ratio'),
            ...one('battery_power', parsed.powerW, 'watts'),
          ];
        }),
      );
      const known = readings.flat();
      return known.length > 0
        ? known
        : { noData: 'there is no battery, UPS or mains in /sys/class/power_supply' };
    },
  };
}
