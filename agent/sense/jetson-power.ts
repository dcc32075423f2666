import { join } from 'node:path';
import { findChips, readNumber } from './hwmon.ts';
import { listBounded, readBounded } from './read-bounded.ts';
import type { NoData, Reading, Sensor, SensorOptions } from './sensor.ts';
import { readTegraChip } from './tegra.ts';
import { type ReadTegraStats, tegraStatsCure } from './tegrastats.ts';

export type Rail = { label: string; powerW: number };

/** The rail that feeds the whole module; the others are parts of it. */
const wholeModule = new Set(['VDD_IN', 'POM_5V_IN']);

/** Power of all: that of the rail that feeds the others where there is one, else their sum. */
export function totalPowerW(rails: Rail[]): number {
  const whole = rails.find(({ label }) => wholeModule.has(label));
  return whole ? whole.powerW : rails.reduce((sum, { powerW }) => sum + powerW, 0);
}

const isRail = (label: string | undefined): label is string =>
  label !== undefined && /^[\x21-\x7e]{1,32}$/.test(label) && !/\bNC\b/.test(label);

/** JetPack 5 and newer: channels in millivolts and milliamperes (Documentation/hwmon/ina3221.rst). Channel 7 is a sum of others. */
async function readHwmon(root: string): Promise<Rail[]> {
  const chips = await findChips(root, 'ina3221');
  const rails = chips.flatMap((chip) =>
    [1, 2, 3, 4, 5, 6].map(async (channel): Promise<Rail[]> => {
      const label = (await readBounded(join(chip, `in${channel}_label`), 64))?.trim();
      const millivolts = await readNumber(join(chip, `in${channel}_input`));
      const milliamperes = await readNumber(join(chip, `curr${channel}_input`));
      if (!isRail(label) || millivolts === undefined || milliamperes === undefined) return [];
      return [{ label, powerW: (millivolts * milliamperes) / 1e6 }];
    }),
  );
  return (await Promise.all(rails)).flat();
}

/** JetPack 4: milliwatts of the industrial-I/O driver. */
async function readIio(root: string): Promise<Rail[]> {
  const folder = join(root, 'sys/bus/iio/devices');
  const devices = (await listBounded(folder)).filter((name) => /^iio:device\d+$/.test(name)).slice(0, 16);
  const rails = devices.flatMap((device) =>
    [0, 1, 2].map(async (channel): Promise<Rail[]> => {
      const label = (await readBounded(join(folder, device, `rail_name_${channel}`), 64))?.trim();
      const milliwatts = await readNumber(join(folder, device, `in_power${channel}_input`));
      return isRail(label) && milliwatts !== undefined ? [{ label, powerW: milliwatts / 1000 }] : [];
    }),
  );
  return (await Promise.all(rails)).flat();
}

/** `power` of a Jetson by its INA3221 chips, and `power_rail` of each supply; from the kernel's files, else from tegrastats. */
export function createJetsonPowerSensor({
  root,
  nowMs,
  readTegraStats,
}: SensorOptions & { readTegraStats: ReadTegraStats }): Sensor {
  return {
    name: 'jetson_power',
    async read(): Promise<Reading[] | NoData> {
      const chips = await readHwmon(root);
      const files = chips.length > 0 ? chips : await readIio(root);
      const isTegra = files.length === 0 && (await readTegraChip(root)) !== undefined;
      const told = isTegra ? readTegraStats() : { rails: [] };
      const rails = [...files, ...('trouble' in told ? [] : told.rails)].filter(
        ({ powerW }) => powerW >= 0 && powerW < 1000,
      );
      if (rails.length === 0 && !isTegra) return { noData: 'this is no Jetson' };
      if (rails.length === 0)
        return {
          noData: `no INA3221 power monitor can be read; ${'trouble' in told ? told.trouble : 'nor does tegrastats tell the power'}`,
          ...('trouble' in told && told.soon ? { soon: true } : { cure: tegraStatsCure }),
        };
      const atMs = nowMs();
      return [
        { name: 'power', value: totalPowerW(rails), unit: 'watts', atMs },
        ...rails.map(({ label, powerW }) => ({
          name: 'power_rail',
          value: powerW,
          unit: 'watts',
          atMs,
          labels: { rail: label },
        })),
      ];
    },
  };
}
