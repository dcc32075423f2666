import type { Calibration } from '../../agent/calibrate/calibration.ts';

/** The device that is simulated. */
export type Device = {
  /** Densest first. Energy and sparsity follow from latency. */
  levels: readonly { p50Ms: number; accuracy: number }[];
  /** Standard deviation of a run's logarithm on an undisturbed machine. */
  noise: number;
  /** So many runs in a thousand take `outlierFactor` times as long. */
  outliersPerMille: number;
  outlierFactor: number;
  /** What the scheduler gives to one task before the next has its turn. */
  sliceMs: number;
  cores: number;
  /** Requests that may wait. */
  maxQueue: number;
  /** Event loop and hand-over of each request. */
  overheadMs: number;
  idleW: number;
  /** More than idle, while a run computes. */
  activeW: number;
  thermal: {
    /** Degrees a watt, in the end, and how long two thirds of the way takes. */
    cPerW: number;
    timeConstantS: number;
    /** From here on the slowdown grows, to the most ten degrees above. */
    throttleC: number;
    mostSlowdown: number;
  };
  /** Absent: mains. */
  battery?: { capacityWh: number; startCharge: number };
};

/** Levels and accuracies of the bundle that `ebb demo` trains, calibrated for requests of 64 images; the rest is made up, of a small board's size. */
export const demoDevice: Device = {
  levels: [
    { p50Ms: 17.1, accuracy: 0.8905 },
    { p50Ms: 5.3, accuracy: 0.8555 },
    { p50Ms: 2, accuracy: 0.7965 },
  ],
  noise: 0.06,
  outliersPerMille: 1,
  outlierFactor: 3,
  sliceMs: 4,
  cores: 2,
  maxQueue: 64,
  overheadMs: 0.3,
  idleW: 2.5,
  activeW: 3.5,
  thermal: { cPerW: 9, timeConstantS: 45, throttleC: 80, mostSlowdown: 2.5 },
};

/** Standard normal distribution: the 95th percentile. */
const z95 = 1.645;

/** What calibrating the device on a calm day gives. */
export function calibrationOf(device: Device): Calibration {
  return {
    version: 3,
    key: 'simulated',
    measuredAt: '2026-01-01T00:00:00.000Z',
    batch: 1,
    forms: [],
    levels: device.levels.map(({ p50Ms }, level) => {
      const measured = {
        engine: 'sparse' as const,
        runs: 100,
        p50Ms,
        p95Ms: p50Ms * Math.exp(z95 * device.noise),
        meanMs: p50Ms * Math.exp(device.noise ** 2 / 2),
      };
      return { level, ...measured, engines: [measured] };
    }),
  };
}

/** How much longer runs take at a temperature. */
export function thermalSlowdown({ thermal }: Device, tempC: number): number {
  const share = Math.min(1, Math.max(0, (tempC - thermal.throttleC) / 10));
  return 1 + (thermal.mostSlowdown - 1) * share;
}

/** The temperature `elapsedMs` later under constant power: a thermal mass, a resistance, the ambient. */
export function nextTemp(
  { thermal }: Device,
  now: { tempC: number; powerW: number; ambientC: number; elapsedMs: number },
): number {
  const endC = now.ambientC + thermal.cPerW * now.powerW;
  return endC + (now.tempC - endC) * Math.exp(-now.elapsedMs / 1000 / thermal.timeConstantS);
}
