import { z } from 'zod';
import type { Result } from './decode.ts';
import {
  countField,
  decodeStamped,
  encodeStamped,
  levelField,
  levelsMax,
  type Stamp,
  type Stamped,
  shareField,
  stampFields,
  textField,
} from './stamp.ts';

/** What one window of time was like. */
export type Telemetry = {
  windowS: number;
  /** Requests answered in the window. */
  requests: number;
  deadlineHits: number;
  deadlineMs: number;
  latencyP50Ms: number | null;
  latencyP99Ms: number | null;
  /** Share of the window's requests that each level answered, level 0 first. */
  levelShare: number[];
  /** Accuracy that the manifest promises, weighted by `levelShare`; null without accuracies or requests. */
  expectedAccuracy: number | null;
  /** The level in force at the window's end. */
  level: number;
  policy: string;
  /** Measured over calibrated latency. */
  slowdown: number;
  queueDepth: number;
  /** Requests shed in the window. */
  rejected: number;
  readings: { name: string; value: number; unit: string }[];
};

const positive = z.number().positive();
const latency = z.number().min(0).nullable();

const wire = z
  .object({
    ...stampFields,
    window_s: positive,
    requests: countField,
    deadline_hits: countField,
    deadline_ms: positive,
    latency_p50_ms: latency,
    latency_p99_ms: latency,
    level_share: z.array(shareField).min(1).max(levelsMax),
    expected_accuracy: shareField.nullable(),
    level: levelField,
    policy: z.string().min(1).max(64),
    slowdown: z.number().min(0),
    queue_depth: countField,
    rejected: countField,
    readings: z
      .array(z.object({ name: z.string().min(1).max(100), value: z.number(), unit: textField(32) }))
      .max(512),
  })
  .refine((json) => json.deadline_hits <= json.requests, {
    path: ['deadline_hits'],
    message: 'must be at most requests',
  });

export function encodeTelemetry(stamp: Stamp, body: Telemetry): Uint8Array {
  const json = {
    window_s: body.windowS,
    requests: body.requests,
    deadline_hits: body.deadlineHits,
    deadline_ms: body.deadlineMs,
    latency_p50_ms: body.latencyP50Ms,
    latency_p99_ms: body.latencyP99Ms,
    level_share: body.levelShare,
    expected_accuracy: body.expectedAccuracy,
    level: body.level,
    policy: body.policy,
    slowdown: body.slowdown,
    queue_depth: body.queueDepth,
    rejected: body.rejected,
    readings: body.readings.map(({ name, value, unit }) => ({ name, value, unit })),
  };
  return encodeStamped('telemetry', wire, stamp, json);
}

export function decodeTelemetry(bytes: Uint8Array): Result<Stamped<Telemetry>> {
  return decodeStamped('telemetry', wire, bytes, (json) => ({
    windowS: json.window_s,
    requests: json.requests,
    deadlineHits: json.deadline_hits,
    deadlineMs: json.deadline_ms,
    latencyP50Ms: json.latency_p50_ms,
    latencyP99Ms: json.latency_p99_ms,
    levelShare: json.level_share,
    expectedAccuracy: json.expected_accuracy,
    level: json.level,
    policy: json.policy,
    slowdown: json.slowdown,
    queueDepth: json.queue_depth,
    rejected: json.rejected,
    readings: json.readings,
  }));
}
