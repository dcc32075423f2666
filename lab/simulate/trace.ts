import { z } from 'zod';

const dayMs = 86_400_000;

/** What holds from `at_ms` until the next segment. */
const segment = z.strictObject({
  at_ms: z.number().nonnegative().max(dayMs),
  /** Measured over calibrated latency of a run that nobody interrupts: frequency, memory bandwidth, stolen time. */
  slowdown: z.number().min(1).max(1000).default(1),
  /** Tasks that want the same core: after each time slice of ours, each has one. */
  contenders: z.number().nonnegative().max(100).default(0),
  requests_per_s: z.number().nonnegative().max(10_000).optional(),
  ambient_c: z.number().min(-60).max(80).optional(),
});

/** The file of one trace; `ebb lab record` writes such files. */
export const traceSchema = z
  .strictObject({
    version: z.literal(1),
    name: z.string().regex(/^[a-z0-9][a-z0-9-]{0,63}$/, 'must be kebab-case'),
    /** Where it comes from, in words. */
    source: z.string().max(300).default('unknown'),
    duration_s: z.number().positive().max(86_400),
    arrivals: z.enum(['poisson', 'periodic']).default('poisson'),
    /** Where segments do not tell. */
    requests_per_s: z.number().positive().max(10_000).default(15),
    ambient_c: z.number().min(-60).max(80).default(25),
    segments: z.array(segment).min(1).max(100_000),
  })
  .refine(({ segments }) => segments[0]?.at_ms === 0, { path: ['segments'], error: 'must begin at 0' })
  .refine(({ segments }) => segments.every(({ at_ms }, i) => i === 0 || at_ms > segments[i - 1].at_ms), {
    path: ['segments'],
    error: 'must be in order of time',
  });

export type Segment = {
  atMs: number;
  slowdown: number;
  contenders: number;
  requestsPerS: number;
  ambientC: number;
};

/** What a device goes through, whatever it decides. */
export type Trace = {
  name: string;
  /** The family that it was drawn from, or `recorded`. */
  kind: string;
  source: string;
  durationMs: number;
  arrivals: 'poisson' | 'periodic';
  /** The first at 0, in order of time. */
  segments: Segment[];
};

export function toTrace(file: z.output<typeof traceSchema>): Trace {
  return {
    name: file.name,
    kind: 'recorded',
    source: file.source,
    durationMs: file.duration_s * 1000,
    arrivals: file.arrivals,
    segments: file.segments.map((one) => ({
      atMs: one.at_ms,
      slowdown: one.slowdown,
      contenders: one.contenders,
      requestsPerS: one.requests_per_s ?? file.requests_per_s,
      ambientC: one.ambient_c ?? file.ambient_c,
    })),
  };
}
