import { z } from 'zod';

const levelCalibration = z.strictObject({
  level: z.number().int().nonnegative(),
  runs: z.number().int().positive(),
  /** Latency of one run of `batch` inputs inside the session, without waiting. */
  p50Ms: z.number().positive(),
  p95Ms: z.number().positive(),
  meanMs: z.number().positive(),
});

/** Latency of each level, measured on this device; what decisions are relative to. */
export const calibrationSchema = z.strictObject({
  version: z.literal(1),
  /** What it was measured for: device, bundle, threads, batch. */
  key: z.string(),
  measuredAt: z.string(),
  batch: z.number().int().positive(),
  levels: z.array(levelCalibration).min(1),
});

export type Calibration = z.infer<typeof calibrationSchema>;
export type LevelCalibration = Calibration['levels'][number];
