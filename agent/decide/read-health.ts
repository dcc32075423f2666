import type { Reading } from '../sense/sensor.ts';
import type { Health } from './guards.ts';
import type { MachineLoad } from './policy.ts';

/** Zones near what computes; others, such as a battery's or a radio's, have limits of their own. */
const relevantZone = /cpu|soc|gpu|tj|pkg|package|core|tdie|k10temp|k8temp|zenpower/i;

const throttleBits: Record<string, string> = {
  pi_under_voltage: 'under-voltage',
  pi_frequency_capped: 'frequency capped',
  pi_throttled: 'throttled',
  pi_soft_temperature_limit: 'soft temperature limit',
};

/** What guards look at, out of all readings. */
export function readHealth(readings: readonly Reading[]): Health {
  const value = (name: string) => readings.find((reading) => reading.name === name)?.value;
  const zones = readings.filter(({ name }) => name === 'temperature');
  const relevant = zones.filter(({ labels }) =>
    relevantZone.test(`${labels?.type ?? ''} ${labels?.sensor ?? ''}`),
  );
  const temps = (relevant.length > 0 ? relevant : zones).map((zone) => zone.value);
  // Of several batteries the emptiest that is discharged.
  const draining = readings
    .filter(({ name, value: isDraining }) => name === 'battery_discharging' && isDraining > 0)
    .map(({ labels }) => labels?.supply);
  const charges = readings
    .filter(({ name, labels }) => name === 'battery_charge' && draining.includes(labels?.supply))
    .map((charge) => charge.value);
  return {
    tempC: temps.length > 0 ? Math.max(...temps) : undefined,
    throttling: Object.entries(throttleBits).flatMap(([name, words]) =>
      (value(name) ?? 0) > 0 ? [words] : [],
    ),
    overCurrentEvents: value('over_current_events'),
    memoryAvailableBytes: value('memory_available'),
    dischargingCharge: charges.length > 0 ? Math.min(...charges) : undefined,
  };
}

/** What tells of the work beside, out of all readings. */
export function readLoad(readings: readonly Reading[]): MachineLoad {
  const value = (name: string) => readings.find((reading) => reading.name === name)?.value;
  return {
    cpuBusy: value('cpu_busy'),
    cpuOthers: value('cpu_others'),
    psiCpuSome: value('psi_cpu_some'),
  };
}

/** Watts that all batteries give together; undefined where none tells. */
export function readBatteryPower(readings: readonly Reading[]): number | undefined {
  const powers = readings.filter(({ name }) => name === 'battery_power');
  return powers.length > 0 ? powers.reduce((sum, { value }) => sum + value, 0) : undefined;
}
