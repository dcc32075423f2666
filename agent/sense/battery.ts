import { join } from 'node:path';
import { type External, type Pack, readSupply } from './power-supply.ts';
import { listBounded } from './read-bounded.ts';
import type { NoData, Reading, Sensor, SensorOptions } from './sensor.ts';

const maxSupplies = 32;

/** One pack's charge, 0..1: what its gauge says, else derived. */
function shareOf({ share, energyWh, energyFullWh, chargeAh, chargeFullAh }: Pack): number | undefined {
  const derived =
    energyWh !== undefined && energyFullWh !== undefined
      ? energyWh / energyFullWh
      : chargeAh !== undefined && chargeFullAh !== undefined
        ? chargeAh / chargeFullAh
        : undefined;
  return share ?? (derived === undefined ? undefined : Math.min(1, derived));
}

/**
 * The charge of all packs together, 0..1: energy over energy when full. A pack without them counts by its own share, with the weight of an
 * average pack; if no pack has them, charges are added up if all packs have one, else shares are averaged.
 */
export function chargeOf(packs: readonly Pack[]): number | undefined {
  const [first, ...others] = packs;
  if (first === undefined) return undefined;
  if (others.length === 0) return shareOf(first);
  const known = packs.flatMap((pack) => {
    const own = shareOf(pack);
    return own === undefined ? [] : [{ pack, own }];
  });
  if (known.length === 0) return undefined;
  const isEnergy = known.some(({ pack }) => pack.energyFullWh !== undefined);
  const fullOf = ({ energyFullWh, chargeFullAh }: Pack) => (isEnergy ? energyFullWh : chargeFullAh);
  const fulls = known.flatMap(({ pack }) => fullOf(pack) ?? []);
  const average = fulls.length > 0 ? fulls.reduce((sum, full) => sum + full, 0) / fulls.length : 1;
  const weighted = known.map(({ pack, own }) => {
    const full = fullOf(pack) ?? average;
    const stock = isEnergy ? pack.energyWh : pack.chargeAh;
    // Some gauges give an energy of 0 beside a percentage that is none.
    const isUsable = fullOf(pack) !== undefined && stock !== undefined && (stock > 0 || own === 0);
    return { full, stock: isUsable ? Math.min(full, stock) : own * full };
  });
  const sum = (of: 'full' | 'stock') => weighted.reduce((total, one) => total + one[of], 0);
  return sum('stock') / sum('full');
}

/**
 * Whether the packs are being discharged. One that charges says that there is power from outside. If no pack knows, they are discharged unless
 * an external supply is online, as UPower infers it.
 */
export function isDischarging(packs: readonly Pack[], externals: readonly External[]): boolean {
  const has = (status: Pack['status']) => packs.some((pack) => pack.status === status);
  if (has('charging')) return false;
  if (has('discharging')) return true;
  return has('unknown') && !externals.some(({ online }) => online);
}

/**
 * The packs that power the machine: a UPS alone if there is one (it feeds all else), else batteries. A battery that may as well be a peripheral's
 * counts only if there is no other and nothing feeds the machine from outside.
 */
export function choosePacks(packs: readonly Pack[], externals: readonly External[]): Pack[] {
  const upses = packs.filter(({ isUps }) => isUps);
  if (upses.length > 0) return upses;
  const certain = packs.filter(({ isCertain }) => isCertain);
  return certain.length > 0 || externals.some(({ online }) => online) ? certain : [...packs];
}

/**
 * `battery_charge` and `battery_discharging` (ratio), `battery_power` (watts) of all packs together, labelled with their names (`BAT0+BAT1`), and
 * `mains_online` of every external supply. Computed as UPower does for its display device (up-daemon.c).
 */
export function createBatterySensor({ root, nowMs }: SensorOptions): Sensor {
  return {
    name: 'battery',
    async read(): Promise<Reading[] | NoData> {
      const names = (await listBounded(join(root, 'sys/class/power_supply'))).slice(0, maxSupplies);
      const supplies = (await Promise.all(names.map((name) => readSupply(root, name)))).flatMap(
        (supply) => supply ?? [],
      );
      const externals = supplies.filter((supply): supply is External => supply.kind === 'external');
      const packs = choosePacks(
        supplies.filter((supply): supply is Pack => supply.kind === 'pack'),
        externals,
      );
      const supply = packs.map(({ name }) => name).join('+');
      const atMs = nowMs();
      const one = (name: string, value: number | undefined, unit: string, note?: string): Reading[] =>
        value === undefined
          ? []
          : [{ name, value, unit, atMs, labels: { supply }, ...(note === undefined ? {} : { note }) }];
      const powers = packs.flatMap(({ powerW }) => powerW ?? []);
      const each = packs.map((pack) => {
        const share = shareOf(pack);
        return `${pack.name} ${share === undefined ? 'unknown' : `${Math.round(share * 100)}%`}`;
      });
      const readings = [
        ...externals.map(({ name, online }) => ({
          name: 'mains_online',
          value: Number(online),
          unit: 'ratio',
          atMs,
          labels: { supply: name },
        })),
        ...one('battery_charge', chargeOf(packs), 'ratio', packs.length > 1 ? each.join(', ') : undefined),
        ...(packs.length > 0
          ? one('battery_discharging', Number(isDischarging(packs, externals)), 'ratio')
          : []),
        ...one(
          'battery_power',
          powers.length > 0 ? powers.reduce((sum, watts) => sum + watts, 0) : undefined,
          'watts',
        ),
      ];
      return readings.length > 0
        ? readings
        : { noData: 'there is no battery, UPS or mains in /sys/class/power_supply' };
    },
  };
}
