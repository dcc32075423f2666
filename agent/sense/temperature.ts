import { basename, join } from 'node:path';
import { findChips, readNumber } from './hwmon.ts';
import { listBounded, readBounded } from './read-bounded.ts';
import type { NoData, Reading, Sensor, SensorOptions } from './sensor.ts';

const maxZones = 64;

/**
 * Parses a zone's `temp` (Documentation/driver-api/thermal/sysfs-api.rst), milli-degrees Celsius.
 * @returns undefined for what no working zone says: text, below -40 C, above 150 C. Zones that are off say -256 C.
 */
export function parseZoneTempC(text: string): number | undefined {
  if (!/^-?\d{1,9}\s*$/.test(text)) return undefined;
  const tempC = Number(text) / 1000;
  return tempC >= -40 && tempC <= 150 ? tempC : undefined;
}

/** Drivers of the sensors inside x86 processors, which have a zone on some machines only (Documentation/hwmon/k10temp.rst, coretemp.rst). */
const processorDrivers = ['k10temp', 'zenpower', 'coretemp'];
const processorZone = /cpu|soc|pkg|package/i;

/** The first sensor of each processor: the whole of it, not a core. */
async function readProcessors(root: string, atMs: number): Promise<Reading[]> {
  const found = await Promise.all(
    processorDrivers.map(async (driver) => {
      const chips = await findChips(root, driver);
      return Promise.all(
        chips.map(async (chip): Promise<Reading[]> => {
          const value = parseZoneTempC(String(await readNumber(join(chip, 'temp1_input'))));
          const labels = { zone: basename(chip), type: driver };
          return value === undefined ? [] : [{ name: 'temperature', value, unit: 'celsius', atMs, labels }];
        }),
      );
    }),
  );
  return found.flat(2);
}

/** `temperature` of every thermal zone that can be read, labelled with zone and type; of x86 processors without a zone from hwmon. */
export function createTemperatureSensor({ root, nowMs }: SensorOptions): Sensor {
  const folder = join(root, 'sys/class/thermal');
  return {
    name: 'temperature',
    async read(): Promise<Reading[] | NoData> {
      const zones = (await listBounded(folder))
        .filter((name) => /^thermal_zone\d+$/.test(name))
        .slice(0, maxZones);
      const readings = await Promise.all(
        zones.map(async (zone): Promise<Reading[]> => {
          // Type and temperature belong together zone by zone: some zones cannot be read, so positions do not match.
          const type = (await readBounded(join(folder, zone, 'type'), 256))?.trim();
          const text = await readBounded(join(folder, zone, 'temp'), 64);
          const value = text === undefined ? undefined : parseZoneTempC(text);
          // PMIC-Die of a Jetson always says 100 C.
          if (!type || !/^[\x20-\x7e]+$/.test(type) || /^pmic/i.test(type) || value === undefined) return [];
          return [{ name: 'temperature', value, unit: 'celsius', atMs: nowMs(), labels: { zone, type } }];
        }),
      );
      const known = readings.flat();
      if (!known.some(({ labels }) => processorZone.test(labels?.type ?? '')))
        known.push(...(await readProcessors(root, nowMs())));
      if (known.length > 0) return known;
      return {
        noData:
          zones.length === 0
            ? 'there is no zone in /sys/class/thermal'
            : `none of ${zones.length} thermal zones can be read`,
      };
    },
  };
}
