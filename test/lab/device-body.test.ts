import { describe, expect, it } from 'vitest';
import { createConditions } from '../../lab/simulate/conditions.ts';
import { demoDevice } from '../../lab/simulate/device.ts';
import { createDeviceBody } from '../../lab/simulate/device-body.ts';

const ambientC = 25;
const conditions = createConditions(
  { segments: [{ atMs: 0, slowdown: 1, contenders: 0, requestsPerS: 1, ambientC }] },
  { sliceMs: demoDevice.sliceMs },
);
const { idleW, activeW, thermal } = demoDevice;

describe("the device's body", () => {
  it('keeps its temperature while it idles, comes to that of full load while it works, and cools down again', () => {
    const body = createDeviceBody({ device: demoDevice, conditions });
    const idleC = ambientC + thermal.cPerW * idleW;
    const workingC = ambientC + thermal.cPerW * (idleW + activeW);
    expect(body.tempAt(60_000)).toBeCloseTo(idleC, 9);
    let nowMs = 60_000;
    for (; nowMs < 1_000_000; nowMs += 250) {
      body.ran({ level: 0, cpuMs: 250 });
      body.tempAt(nowMs + 250);
    }
    expect(body.tempAt(nowMs)).toBeCloseTo(workingC, 3);
    expect(body.tempAt(nowMs + 1_000_000)).toBeCloseTo(idleC, 3);
    expect(body.hottestC).toBeCloseTo(workingC, 3);
  });

  it('heats by a run that was longer than a step in the steps that follow', () => {
    const [long, short] = [0, 1].map(() => createDeviceBody({ device: demoDevice, conditions }));
    long!.ran({ level: 0, cpuMs: 1000 });
    for (let nowMs = 250; nowMs <= 1000; nowMs += 250) {
      short!.ran({ level: 0, cpuMs: 250 });
      expect(long!.tempAt(nowMs)).toBe(short!.tempAt(nowMs));
    }
  });

  it('bills idling and each level, and takes both from the battery until it is empty', () => {
    const battery = { capacityWh: 1, startCharge: 0.5 };
    const body = createDeviceBody({ device: { ...demoDevice, battery }, conditions });
    body.ran({ level: 0, cpuMs: 2000 });
    body.ran({ level: 2, cpuMs: 1000 });
    const energyJ = body.energyAt(10_000);
    expect(energyJ).toEqual({
      idle: 10 * idleW,
      byLevel: [2 * activeW, 0, activeW],
      total: 10 * idleW + 3 * activeW,
    });
    expect(body.chargeAt(10_000)).toBeCloseTo(battery.startCharge - energyJ.total / 3600, 12);
    expect(body.chargeAt(3_600_000)).toBe(0);
    expect(createDeviceBody({ device: demoDevice, conditions }).chargeAt(0)).toBeUndefined();
  });
});
