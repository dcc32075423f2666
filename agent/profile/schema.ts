import { z } from 'zod';
import { type EngineName, engineNames } from '../../engine/engine.ts';
import { isTopicName } from '../../wire/topics.ts';
import type { BatteryGoal } from '../decide/battery-plan.ts';
import type { GuardLimits } from '../decide/guards.ts';
import type { CustomReading } from '../sense/custom-reading.ts';
import { sensorNames } from '../sense/sensors.ts';
import { duration, share } from './quantities.ts';

/** An hour. */
export const deadlineMaxMs = 3_600_000;
const positiveInt = z.number().int().positive();
/** Stands in MQTT topics. */
const topicName = z
  .string()
  .refine(isTopicName, 'must be 1 to 64 characters without "/", "+", "#", spaces and control characters');

/** A key that is read once, at the start: a reload leaves it as it is and says so. */
const restart = (description: string) => ({ description, restart: true });

const engine = z
  .strictObject({
    name: z
      .enum(['auto', ...engineNames])
      .default('auto')
      .meta(restart('"auto" opens both engines and runs each level on the one that is faster here.')),
    threads: positiveInt.max(256).default(1).meta(restart('Threads inside one inference.')),
    max_threads: positiveInt
      .max(256)
      .optional()
      .meta(
        restart(
          'With more than "threads", a calibration measures the sparse engine with up to so many, and as many are used as the deadline needs.',
        ),
      ),
    providers: z
      .array(z.string().min(1))
      .min(1)
      .default(['cpu'])
      .meta(restart('Execution providers of onnxruntime, tried in this order.')),
    hang_s: z
      .number()
      .positive()
      .max(3600)
      .default(30)
      .meta(restart('An inference that has not returned after so long hangs: its thread is replaced.')),
  })
  .describe('What computes.');

const bundle = z
  .strictObject({
    public_key: z
      .string()
      .min(1)
      .optional()
      .meta(
        restart(
          'PEM file with an Ed25519 key: bundles that "ebb bundle sign" has not signed with it are refused.',
        ),
      ),
  })
  .describe('What bundle may be served.');

const http = z
  .strictObject({
    host: z
      .string()
      .min(1)
      .default('127.0.0.1')
      .meta(restart('Address to serve on; beyond loopback it needs a token.')),
    port: z
      .number()
      .int()
      .min(0)
      .max(65535)
      .default(8080)
      .meta(restart('Port to serve on; 0 lets the system choose.')),
    token_file: z
      .string()
      .min(1)
      .optional()
      .meta(restart('File that holds the bearer token which clients must send.')),
    max_body_bytes: positiveInt
      .default(16 * 1024 * 1024)
      .describe("A request's body may be so large; larger ones are answered 413."),
    max_queue: positiveInt
      .max(100_000)
      .default(64)
      .describe('Requests that may wait; more are answered 503.'),
    max_batch: positiveInt.max(65_536).default(64).describe('Inputs in one request.'),
    request_timeout_s: z
      .number()
      .positive()
      .max(3600)
      .default(10)
      .meta(restart('A request must have arrived whole within so long.')),
  })
  .describe('The HTTP door.');

const guards = z
  .strictObject({
    max_temp_c: z
      .number()
      .min(20)
      .max(130)
      .optional()
      .describe('Of the hottest zone near what computes, now or in 30 s along its trend.'),
    min_memory_mib: positiveInt
      .optional()
      .describe('Where less memory is available, only the sparsest level runs.'),
    battery_reserve: z
      .number()
      .gt(0)
      .lt(1)
      .optional()
      .describe('Charge below which only the sparsest level runs while the battery is discharged.'),
  })
  .describe(
    'What protects the device, by shutting the densest levels, whatever the deadline would allow. A guard without a limit is off.',
  );

const battery = z
  .strictObject({
    last_for: duration.describe(
      'The battery shall last so long from when it is first discharged, such as 8h.',
    ),
    reserve: share.default(0.1).describe('What shall be left of it at the end, such as 10%.'),
  })
  .describe('A battery that shall last: energy is planned over the time that is left.');

const report = z
  .strictObject({
    broker: z
      .string()
      .min(1)
      .optional()
      .meta(restart(`URL of the MQTT broker to report to, such as mqtts://user:\${PASSWORD}@broker.local.`)),
    fleet: topicName.default('ebb').meta(restart("The fleet's name in the broker's topics.")),
    device: topicName
      .optional()
      .meta(restart("The device's name in the broker's topics; where it is left out, the host's name.")),
    ca_file: z
      .string()
      .min(1)
      .optional()
      .meta(restart('PEM file of the authority that signed the certificate of an mqtts or wss broker.')),
    cert_file: z
      .string()
      .min(1)
      .optional()
      .meta(restart('PEM file of the client certificate for the broker; needs key_file.')),
    key_file: z.string().min(1).optional().meta(restart('PEM file of the key of cert_file.')),
    interval_s: z.number().positive().max(3600).default(2).describe('Telemetry is sent so often.'),
  })
  .describe('What is told over MQTT.');

const calibration = z
  .strictObject({
    seconds: z
      .number()
      .positive()
      .max(600)
      .default(4)
      .meta(restart('All levels are measured for so long, once for each bundle and machine.')),
    batch: positiveInt.max(65_536).default(1).meta(restart('Inputs in one run of the calibration.')),
  })
  .describe('How the latency of the levels is measured.');

const customReading = z
  .strictObject({
    name: z
      .string()
      .regex(/^[a-z][a-z0-9_]{0,63}$/, 'must be snake_case')
      .describe('As it stands in telemetry, in snake_case.'),
    unit: z
      .string()
      .regex(/^[a-z]{1,16}$/, 'must be a lower-case word, such as ratio or watts')
      .describe('A lower-case word, such as ratio or watts.'),
    scale: z.number().default(1).describe('The number is multiplied by it: 0.01 makes a percentage a ratio.'),
    file: z.string().startsWith('/').optional().describe('File that holds the number.'),
    command: z
      .array(z.string().max(1024))
      .min(1)
      .max(32)
      .optional()
      .describe('Program that prints the number, and its arguments; no shell. Either this or "file".'),
    every_s: z.number().min(1).max(86_400).default(10).describe('How often the command may run.'),
  })
  .refine(({ file, command }) => (file === undefined) !== (command === undefined), {
    error: 'must have either "file" or "command"',
  });

/**
 * One device's settings as its YAML file writes them; what is absent has the default beside it. Each key's description is its help text:
 * `ebb run --explain-profile` prints them, and editors show them.
 */
export const profileSchema = z.strictObject({
  extends: z
    .string()
    .min(1)
    .optional()
    .describe(
      'Profile whose keys hold where this one has none: the name of one that comes with ebb, or the path of a file, relative to this one. Maps are merged, lists replaced, "~" takes a key away.',
    ),
  name: z
    .string()
    .min(1)
    .max(64)
    .optional()
    .describe("The profile's name; where it is left out, that of its file. It is not inherited."),
  deadline_ms: z
    .number()
    .positive()
    .max(deadlineMaxMs)
    .default(50)
    .describe('A request is in time when its answer is ready so long after its body has arrived.'),
  goal: z.number().gt(0).lt(1).default(0.99).describe('Share of requests that shall be in time.'),
  accuracy_goal: z
    .number()
    .gt(0)
    .lt(1)
    .optional()
    .describe(
      'Least accuracy that will do, 0 to 1: what is denser than the level of least energy that has it is not chosen.',
    ),
  policy: z
    .enum(['deadline', 'fixed'])
    .default('deadline')
    .describe('"deadline" runs the most accurate level that meets the deadline, "fixed" always "level".'),
  level: z.number().int().nonnegative().default(0).describe('The level of policy "fixed".'),
  interval_ms: positiveInt.min(20).max(600_000).default(500).describe('Sense and decide this often.'),
  dwell_s: z
    .number()
    .nonnegative()
    .max(3600)
    .default(3)
    .describe('A level is held at least so long before a denser one may follow.'),
  confirmations: positiveInt
    .max(1000)
    .default(4)
    .describe('Consecutive decisions that must find a denser level fit.'),
  sensors: z
    .array(z.enum(sensorNames))
    .default(['cpu', 'psi', 'memory', 'temperature', 'battery'])
    .describe('What is sensed; "ebb doctor" shows what each one gives here.'),
  readings: z
    .array(customReading)
    .max(32)
    .default([])
    .describe('Numbers that no sensor gives, from files and commands.'),
  engine: engine.prefault({}),
  guards: guards.prefault({}),
  battery: battery.optional(),
  bundle: bundle.prefault({}),
  http: http.prefault({}),
  report: report.prefault({}),
  calibration: calibration.prefault({}),
});

export type ProfileFile = z.output<typeof profileSchema>;

/** The parsed profile as code reads it; frozen. */
export type Profile = Readonly<{
  name: string;
  deadlineMs: number;
  goal: number;
  accuracyGoal?: number;
  policy: 'deadline' | 'fixed';
  level: number;
  intervalMs: number;
  dwellMs: number;
  confirmations: number;
  sensors: readonly (typeof sensorNames)[number][];
  readings: readonly CustomReading[];
  guards: GuardLimits;
  engine: Readonly<{
    name: EngineName | 'auto';
    threads: number;
    /** At least `threads`. */
    maxThreads: number;
    providers: readonly string[];
    hangMs: number;
  }>;
  battery?: BatteryGoal;
  http: Readonly<{
    host: string;
    port: number;
    tokenFile?: string;
    maxBodyBytes: number;
    maxQueue: number;
    maxBatch: number;
    requestTimeoutMs: number;
  }>;
  bundle: Readonly<{ publicKey?: string }>;
  report: Readonly<{
    broker?: string;
    fleet: string;
    device?: string;
    caFile?: string;
    certFile?: string;
    keyFile?: string;
    intervalMs: number;
  }>;
  calibration: Readonly<{ seconds: number; batch: number }>;
}>;
