import type { Telemetry } from '../wire/telemetry.ts';

type Readings = Telemetry['readings'];

/** Share of the CPU time that is in use, from 0 to 1; null where the device does not tell. */
export function busyShare(readings: Readings): number | null {
  return readings.find(({ name, unit }) => name === 'cpu_busy' && unit === 'ratio')?.value ?? null;
}

/** The highest temperature told, in degrees Celsius. */
export function hottestC(readings: Readings): number | null {
  const values = readings.filter(({ unit }) => unit === 'celsius').map(({ value }) => value);
  return values.length === 0 ? null : Math.max(...values);
}

/** Requests of the window that were answered too late, or shed. */
export function deadlineMisses(telemetry: Telemetry): number {
  return telemetry.requests + telemetry.rejected - telemetry.deadlineHits;
}

/** Share of the window's requests that met their deadline; a request that was shed met none. Null without requests. */
export function deadlineHitRatio(telemetry: Telemetry): number | null {
  const asked = telemetry.requests + telemetry.rejected;
  return asked === 0 ? null : telemetry.deadlineHits / asked;
}
