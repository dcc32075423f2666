import type { Reading } from '../../agent/sense/sensor.ts';
import type { Conditions } from './conditions.ts';
import type { Device } from './device.ts';
import type { DeviceBody } from './device-body.ts';

/** What the agent's sensors would read on a simulated device; loads are means since the last `read`. */
export type SimulatedSensors = {
  /** A run has ended, which computed for so long. */
  ran(cpuMs: number): void;
  read(nowMs: number): Reading[];
};

export function createSimulatedSensors(options: {
  device: Device;
  conditions: Conditions;
  body: DeviceBody;
}): SimulatedSensors {
  const { device, conditions, body } = options;
  let readMs = 0;
  let busyMs = 0;

  return {
    ran(cpuMs) {
      busyMs += cpuMs;
    },
    read(nowMs) {
      const contenders = conditions.meanContenders(readMs, nowMs);
      const own = nowMs > readMs ? Math.min(1, busyMs / (nowMs - readMs)) : 0;
      readMs = nowMs;
      busyMs = 0;
      const others = Math.min(1 - own / device.cores, contenders);
      const tempC = body.tempAt(nowMs);
      const charge = body.chargeAt(nowMs);
      const one = (name: string, value: number, labels?: Record<string, string>): Reading => ({
        name,
        value,
        unit: '',
        atMs: nowMs,
        ...(labels ? { labels } : {}),
      });
      return [
        one('cpu_busy', Math.min(1, others + own / device.cores)),
        // Ours is the busiest core; the agent has no such sensor, thresholds need it.
        one('core_busy', Math.min(1, own + contenders)),
        one('cpu_others', others),
        one('psi_cpu_some', Math.min(1, Math.max(0, contenders - 1) + own * Math.min(1, contenders))),
        one('temperature', Math.round(tempC * 10) / 10, { type: 'cpu-thermal' }),
        // Gauges tell whole percents.
        ...(charge === undefined
          ? []
          : [
              one('battery_charge', Math.round(charge * 100) / 100, { supply: 'BAT0' }),
              one('battery_discharging', 1, { supply: 'BAT0' }),
            ]),
      ];
    },
  };
}
