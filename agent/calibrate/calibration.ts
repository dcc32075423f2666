import { z } from 'zod';
import { engineNames } from '../../engine/engine.ts';

const latency = z.strictObject({
  engine: z.enum(engineNames),
  runs: z.number().int().positive(),
  /** Latency of one run of `batch` inputs inside the session, without waiting. */
  p50Ms: z.number().positive(),
  p95Ms: z.number().positive(),
  meanMs: z.number().positive(),
});

const levelCalibration = latency.extend({
  level: z.number().int().nonnegative(),
  /** Every engine that was measured; the level runs on the fastest. */
  engines: z.array(latency).min(1),
});

/** Latency of each level on its fastest engine, measured on this device; what decisions are relative to. */
export const calibrationSchema = z.strictObject({
  version: z.literal(3),
  /** What it was measured for: device, bundle, engines, threads, batch. */
  key: z.string(),
  measuredAt: z.string(),
  batch: z.number().int().positive(),
  /** How the sparse engine stores each layer's weights, as `Engine.tune` answered. */
  forms: z.array(z.number().int()),
  levels: z.array(levelCalibration).min(1),
});

export type Calibration = z.infer<typeof calibrationSchema>;
export type EngineLatency = z.infer<typeof latency>;
export type LevelCalibration = Calibration['levels'][number];
