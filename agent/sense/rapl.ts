import { join } from 'node:path';
import { readNumber } from './hwmon.ts';
import { listBounded, readBounded } from './read-bounded.ts';
import type { NoData, Reading, Sensor, SensorOptions } from './sensor.ts';

/** Of a counter's range: one that falls by less has not begun anew, it went backwards. The longest interval is far shorter than half a round. */
const wrapShare = 0.5;

/**
 * Energy between two readings of a counter that begins anew beyond `rangeUj`.
 * @returns undefined if the counter went backwards without having begun anew.
 */
export function energyBetweenUj(before: number, now: number, rangeUj: number): number | undefined {
  if (now >= before) return now - before;
  return before - now > wrapShare * rangeUj ? now + rangeUj - before : undefined;
}

/** `package_power` of x86 processors, without the board around them, since the last read, by RAPL's energy counters (Documentation/power/powercap/powercap.rst). */
export function createRaplSensor({
  root,
  nowMs,
  monotonicMs,
}: SensorOptions & { monotonicMs: () => number }): Sensor {
  const folder = join(root, 'sys/class/powercap');
  const last = new Map<string, { energyUj: number; monotonicMs: number }>();

  /** Watts of one package; undefined where its counter cannot be read or was read for the first time. */
  async function readPackage(zone: string): Promise<number | undefined> {
    const energyUj = await readNumber(join(folder, zone, 'energy_uj'));
    const rangeUj = await readNumber(join(folder, zone, 'max_energy_range_uj'));
    if (energyUj === undefined || rangeUj === undefined) return undefined;
    const before = last.get(zone);
    const now = { energyUj, monotonicMs: monotonicMs() };
    last.set(zone, now);
    const seconds = before ? (now.monotonicMs - before.monotonicMs) / 1000 : 0;
    if (!before || seconds <= 0) return undefined;
    const usedUj = energyBetweenUj(before.energyUj, energyUj, rangeUj);
    return usedUj === undefined ? undefined : usedUj / 1e6 / seconds;
  }

  return {
    name: 'rapl',
    async read(): Promise<Reading[] | NoData> {
      // Zones such as intel-rapl:0:0 are parts of a package.
      const zones = (await listBounded(folder)).filter((name) => /^intel-rapl:\d+$/.test(name)).slice(0, 16);
      const names = await Promise.all(zones.map((zone) => readBounded(join(folder, zone, 'name'), 64)));
      const packages = zones.filter((_, index) => /^package-\d+$/.test(names[index]?.trim() ?? ''));
      if (packages.length === 0) return { noData: 'there is no energy counter in /sys/class/powercap' };
      const before = last.size;
      const powers = (await Promise.all(packages.map(readPackage))).flatMap((power) => power ?? []);
      if (powers.length > 0)
        return [
          { name: 'package_power', value: powers.reduce((a, b) => a + b, 0), unit: 'watts', atMs: nowMs() },
        ];
      if (last.size > before) return { noData: 'two reads are needed', soon: true };
      return {
        noData: 'the energy counters can be read by root alone',
        cure: "run as root, or let the service's group read them: chgrp ebb /sys/class/powercap/*/energy_uj && chmod g+r /sys/class/powercap/*/energy_uj at every boot",
      };
    },
  };
}
