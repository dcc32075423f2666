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
  /** With other numbers of threads inside one inference, where they were measured, fewest first. */
  byThreads: z.array(latency.extend({ threads: z.number().int().positive() })).optional(),
  /** Of one input beyond what the idle device takes, where it was measured. */
  energyMj: z.number().positive().optional(),
});

/** As `Engine.memory` tells it. */
const engineMemory = z.strictObject({
  engine: z.enum(engineNames),
  bytes: z.number().int().nonnegative(),
  levelBytes: z.array(z.number().int().nonnegative()).optional(),
  isExact: z.boolean(),
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
  /** What all levels take in each engine; without engines that it could not be measured of, absent in files of before. */
  memory: z.array(engineMemory).optional(),
});

export type Calibration = z.infer<typeof calibrationSchema>;
export type EngineLatency = z.infer<typeof latency>;
export type LevelCalibration = Calibration['levels'][number];

/** A level's latency with so many threads; its own where none, or another number, was measured. */
export function levelLatency(
  calibration: Calibration,
  level: number,
  threads?: number,
): Pick<EngineLatency, 'p50Ms' | 'p95Ms'> {
  const entry = calibration.levels[level];
  return entry.byThreads?.find((one) => one.threads === threads) ?? entry;
}

/** Numbers of threads that a level was measured with, fewest first; none where one number alone was. */
export function threadCounts(calibration: Calibration, level: number): number[] {
  return (calibration.levels[level].byThreads ?? []).map(({ threads }) => threads).toSorted((a, b) => a - b);
}
