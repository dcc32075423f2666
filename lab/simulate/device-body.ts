import type { Conditions } from './conditions.ts';
import { type Device, nextTemp } from './device.ts';

/** The temperature moves in steps of so long. */
const heatEveryMs = 250;

/** What was taken so far. */
export type EnergyJ = { idle: number; byLevel: number[]; total: number };

/**
 * What idling and runs do to a device: they heat it, and draw on its battery.
 *
 * INVARIANTS
 * - the times that it is asked about never go back;
 * - a run counts as it ends: its energy at once, its heat in the steps that come after the last `tempAt`.
 */
export type DeviceBody = {
  /** A run of `level` has ended, which computed for `cpuMs`. */
  ran(run: { level: number; cpuMs: number }): void;
  /** Degrees Celsius. */
  tempAt(nowMs: number): number;
  /** The most that it came to up to the last `tempAt`. */
  readonly hottestC: number;
  /** What the battery still holds, 0..1; undefined on mains. */
  chargeAt(nowMs: number): number | undefined;
  energyAt(nowMs: number): EnergyJ;
};

/** At 0 an idle device has the temperature that it keeps. */
export function createDeviceBody(options: { device: Device; conditions: Conditions }): DeviceBody {
  const { device, conditions } = options;
  const byLevel = device.levels.map(() => 0);
  let activeJ = 0;
  let heatMs = 0;
  /** Computed, and not yet turned into heat. */
  let busyMs = 0;
  let tempC = conditions.at(0).ambientC + device.thermal.cPerW * device.idleW;
  let hottestC = tempC;

  const idleJ = (nowMs: number): number => (device.idleW * nowMs) / 1000;

  return {
    ran({ level, cpuMs }) {
      const spentJ = (device.activeW * cpuMs) / 1000;
      byLevel[level] += spentJ;
      activeJ += spentJ;
      busyMs += cpuMs;
    },
    tempAt(nowMs) {
      while (heatMs + heatEveryMs <= nowMs) {
        heatMs += heatEveryMs;
        const busy = Math.min(1, busyMs / heatEveryMs);
        busyMs = Math.max(0, busyMs - heatEveryMs);
        const { ambientC } = conditions.at(heatMs);
        const powerW = device.idleW + device.activeW * busy;
        tempC = nextTemp(device, { tempC, powerW, ambientC, elapsedMs: heatEveryMs });
        hottestC = Math.max(hottestC, tempC);
      }
      return tempC;
    },
    get hottestC() {
      return hottestC;
    },
    chargeAt(nowMs) {
      if (!device.battery) return undefined;
      const spentWh = (activeJ + idleJ(nowMs)) / 3600;
      return Math.max(0, device.battery.startCharge - spentWh / device.battery.capacityWh);
    },
    energyAt(nowMs) {
      const idle = idleJ(nowMs);
      return { idle, byLevel: [...byLevel], total: idle + byLevel.reduce((sum, one) => sum + one, 0) };
    },
  };
}
