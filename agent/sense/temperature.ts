import { join } from 'node:path';
import { plausibleTempC, readProcessorTemperatures } from './processor-temperature.ts';
import { listBounded, readBounded } from './read-bounded.ts';
import type { NoData, Reading, Sensor, SensorOptions } from './sensor.ts';

const maxZones = 64;

/**
 * Parses a zone's `temp` (Documentation/driver-api/thermal/sysfs-api.rst), milli-degrees Celsius.
 * @returns undefined for what no working zone says: text, below -40 C, above 150 C. Zones that are off say -256 C.
 */
export function parseZoneTempC(text: string): number | undefined {
  if (!/^-?\d{1,9}\s*$/.test(text)) return undefined;
  return plausibleTempC(Number(text));
}

/** Zones of the processor; `acpitz` is a place on the board that the firmware chose. */
const processorZone = /cpu|soc|pkg|package/i;

/**
 * `temperature` of every thermal zone that can be read, labelled with zone and type. If none of them is a processor's, or that one cannot be
 * read, processors are read from hwmon.
 */
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
        known.push(...(await readProcessorTemperatures(root, nowMs())));
      if (known.length > 0) return known;
      return {
        noData:
          zones.length === 0
            ? 'there is no zone in /sys/class/thermal, and no processor in /sys/class/hwmon'
            : `none of ${zones.length} thermal zones can be read`,
      };
    },
  };
}
