import type { DeviceInfo } from '../../wire/info.ts';
import type { Stamp } from '../../wire/stamp.ts';
import type { SwapEvent } from '../../wire/swap.ts';
import type { Telemetry } from '../../wire/telemetry.ts';

/** One valid payload of each kind. */
export const stamp: Stamp = { start: 'start-1', seq: 7, time: '2026-01-02T03:04:05.678Z' };

export const info: DeviceInfo = {
  board: 'Raspberry Pi 4 Model B',
  os: 'Debian 12',
  cpu: 'Cortex-A72',
  cores: 4,
  memoryBytes: 4_000_000_000,
  bundle: {
    name: 'shapes',
    levels: [
      { sparsity: 0, macs: 9_000_000, accuracy: 0.93 },
      { sparsity: 0.8, macs: 1_800_000, accuracy: 0.91 },
      { sparsity: 0.9, macs: 900_000, accuracy: null },
    ],
  },
  sensors: ['cpu', 'thermal'],
  engine: 'ort',
  ebbVersion: '0.1.0',
};

export const telemetry: Telemetry = {
  windowS: 1,
  requests: 50,
  deadlineHits: 48,
  deadlineMs: 20,
  latencyP50Ms: 8.5,
  latencyP99Ms: 19.25,
  levelShare: [0.5, 0.5, 0],
  expectedAccuracy: 0.92,
  level: 1,
  policy: 'deadline',
  slowdown: 1.4,
  queueDepth: 2,
  rejected: 0,
  readings: [
    { name: 'cpu.busy', value: 93, unit: '%' },
    { name: 'thermal.cpu-thermal', value: 61.5, unit: 'C' },
  ],
};

export const swap: SwapEvent = {
  from: 0,
  to: 1,
  reason: 'level 0 meets 20 ms in 61% of runs',
  at: '2026-01-02T03:04:05.600Z',
  policy: 'deadline',
};
