import { describe, expect, it } from 'vitest';
import { createConditions } from '../../lab/simulate/conditions.ts';
import { type Device, demoDevice } from '../../lab/simulate/device.ts';
import { createDeviceBody } from '../../lab/simulate/device-body.ts';
import { createSimulatedSensors } from '../../lab/simulate/simulated-sensors.ts';

function setUp(options: { contenders?: number; device?: Device } = {}) {
  const { contenders = 0, device = demoDevice } = options;
  const conditions = createConditions(
    { segments: [{ atMs: 0, slowdown: 1, contenders, requestsPerS: 1, ambientC: 25 }] },
    { sliceMs: device.sliceMs },
  );
  const sensors = createSimulatedSensors({
    device,
    conditions,
    body: createDeviceBody({ device, conditions }),
  });
  const read = (nowMs: number) =>
    Object.fromEntries(sensors.read(nowMs).map(({ name, value }) => [name, value]));
  return { sensors, read };
}

describe('the simulated sensors', () => {
  it('read what runs took of one core since the last reading', () => {
    const { sensors, read } = setUp();
    sensors.ran(50);
    expect(read(100)).toMatchObject({ cpu_busy: 0.25, core_busy: 0.5, cpu_others: 0, psi_cpu_some: 0 });
    expect(read(200)).toMatchObject({ cpu_busy: 0, core_busy: 0 });
  });

  it('read contenders as the load of others, and as pressure where they are too many', () => {
    const { read } = setUp({ contenders: 0.5 });
    expect(read(100)).toMatchObject({ cpu_others: 0.5, cpu_busy: 0.5, psi_cpu_some: 0 });
    expect(setUp({ contenders: 3 }).read(100)).toMatchObject({ cpu_others: 1, psi_cpu_some: 1 });
  });

  it('read a battery in whole percents, where there is one', () => {
    const battery = { capacityWh: 1, startCharge: 0.505 };
    const { read } = setUp({ device: { ...demoDevice, battery } });
    expect(read(100_000)).toMatchObject({ battery_charge: 0.44, battery_discharging: 1 });
    expect(setUp().read(100)).not.toHaveProperty('battery_charge');
  });
});
