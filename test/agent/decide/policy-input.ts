import type { Observation, PolicyInput } from '../../../agent/decide/policy.ts';

/** Three levels of 20, 8 and 2 ms at the median; the 95th percentile lies a tenth above. */
export const calibration: PolicyInput['calibration'] = {
  version: 3,
  key: 'test',
  measuredAt: '2026-01-01T00:00:00.000Z',
  batch: 1,
  forms: [],
  levels: [20, 8, 2].map((ms, level) => {
    const measured = { engine: 'ort' as const, runs: 50, p50Ms: ms, p95Ms: ms * 1.1, meanMs: ms };
    return { level, ...measured, engines: [measured] };
  }),
};

export const quiet: PolicyInput = {
  nowMs: 100_000,
  calibration,
  accuracy: [0.9, 0.85, 0.8],
  deadlineMs: 50,
  goal: 0.99,
  dwellMs: 3000,
  confirmations: 4,
  observations: [],
  pending: [],
  inputsPerS: 20,
  load: { cpuBusy: 0.2, cpuOthers: 0.1 },
  level: 0,
};

/** `count` answers in the second before `nowMs`, each `slowdown` times as long as calibrated. */
export function answers(
  input: PolicyInput,
  count: number,
  slowdown: number,
  level = input.level,
): Observation[] {
  return Array.from({ length: count }, (_, index) => {
    const inferMs = input.calibration.levels[level]!.p50Ms * slowdown;
    const startMs = input.nowMs - inferMs - 1 - (1000 * (count - 1 - index)) / count;
    return { level, batch: 1, startMs, latencyMs: inferMs + 0.5, inferMs, deadlineMs: input.deadlineMs };
  });
}
