import { z } from 'zod';
import { type EngineName, engineNames } from '../../engine/engine.ts';
import { bareHost } from '../../listen/address.ts';
import { isTopicName } from '../../wire/topics.ts';
import type { BatteryGoal } from '../decide/battery-plan.ts';
import type { GuardLimits } from '../decide/guards.ts';
import type { CustomReading } from '../sense/custom-reading.ts';
import { sensorNames } from '../sense/sensors.ts';
import { durationMs, share } from './quantities.ts';

/** An hour. */
export const deadlineMaxMs = 3_600_000;
const positiveInt = z.number().int().positive();
/** Stands in MQTT topics. */
const topicName = z
  .string()
  .refine(isTopicName, 'must be 1 to 64 characters without "/", "+", "#", spaces and control characters');

const engine = z.strictObject({
  /** `auto` opens both and runs each level on the one that is faster here. */
  name: z.enum(['auto', ...engineNames]).default('auto'),
  /** Threads inside one inference. */
  threads: positiveInt.max(256).default(1),
  /** onnxruntime execution providers, tried in this order. */
  providers: z.array(z.string().min(1)).min(1).default(['cpu']),
  /** An inference that has not returned after so long hangs: its thread is replaced. */
  hang_s: z.number().positive().max(3600).default(30),
});

const http = z.strictObject({
  host: z.string().min(1).default('127.0.0.1'),
  /** 0 lets the system choose. */
  port: z.number().int().min(0).max(65535).default(8080),
  /** File that holds the bearer token; needed to listen beyond loopback. */
  token_file: z.string().min(1).optional(),
  max_body_bytes: positiveInt.default(16 * 1024 * 1024),
  /** Requests that may wait; more are answered 503. */
  max_queue: positiveInt.max(100_000).default(64),
  /** Inputs in one request. */
  max_batch: positiveInt.max(65_536).default(64),
  request_timeout_s: z.number().positive().max(3600).default(10),
});

/** What protects the device, by shutting the densest levels; a guard without a limit is off. */
const guards = z.strictObject({
  /** Of the hottest zone near what computes; its trend over 30 s counts, too. */
  max_temp_c: z.number().min(20).max(130).optional(),
  min_memory_mib: positiveInt.optional(),
  /** Charge below which only the sparsest level runs while the battery is discharged. */
  battery_reserve: z.number().gt(0).lt(1).optional(),
});

/** A battery that shall last: energy is planned over the time that is left. */
const battery = z.strictObject({
  /** From when the battery is first discharged, such as 8h. */
  last_for: durationMs,
  /** What shall be left at the end, such as 10%. */
  reserve: share.default(0.1),
});

const report = z.strictObject({
  broker: z.string().min(1).optional(),
  fleet: topicName.default('ebb'),
  /** Default: the host's name. */
  device: topicName.optional(),
  interval_s: z.number().positive().max(3600).default(2),
});

const calibration = z.strictObject({
  seconds: z.number().positive().max(600).default(4),
  batch: positiveInt.max(65_536).default(1),
});

const customReading = z
  .strictObject({
    /** As it stands in telemetry. */
    name: z.string().regex(/^[a-z][a-z0-9_]{0,63}$/, 'must be snake_case'),
    unit: z.string().regex(/^[a-z]{1,16}$/, 'must be a lower-case word, such as ratio or watts'),
    scale: z.number().default(1),
    /** Holds the number. */
    file: z.string().startsWith('/').optional(),
    /** Prints the number: a program and its arguments; no shell. */
    command: z.array(z.string().max(1024)).min(1).max(32).optional(),
    /** How often the command may run. */
    every_s: z.number().min(1).max(86_400).default(10),
  })
  .refine(({ file, command }) => (file === undefined) !== (command === undefined), {
    error: 'must have either "file" or "command"',
  });

/** One device's settings as its YAML file writes them; what is absent has the default beside it. */
export const profileSchema = z.strictObject({
  name: z.string().min(1).max(64).optional(),
  /** A request is in time when its answer is ready so long after its body has arrived. */
  deadline_ms: z.number().positive().max(deadlineMaxMs).default(50),
  /** Share of requests that shall be in time. */
  goal: z.number().gt(0).lt(1).default(0.99),
  /** Least accuracy that will do, 0 to 1: what is denser than the level of least energy that has it is not chosen. */
  accuracy_goal: z.number().gt(0).lt(1).optional(),
  policy: z.enum(['deadline', 'fixed']).default('deadline'),
  /** The level of policy `fixed`. */
  level: z.number().int().nonnegative().default(0),
  interval_ms: positiveInt.min(20).max(600_000).default(500),
  /** A level is held at least so long before a denser one may follow. */
  dwell_s: z.number().nonnegative().max(3600).default(3),
  /** Consecutive decisions that must find a denser level fit. */
  confirmations: positiveInt.max(1000).default(4),
  sensors: z.array(z.enum(sensorNames)).default(['cpu', 'psi', 'memory', 'temperature', 'battery']),
  /** Numbers that no sensor gives, from files and commands. */
  readings: z.array(customReading).max(32).default([]),
  engine: engine.prefault({}),
  guards: guards.prefault({}),
  battery: battery.optional(),
  http: http.prefault({}),
  report: report.prefault({}),
  calibration: calibration.prefault({}),
});

/** Known keys by path, for the message that names the nearest one. */
export const knownKeys: Record<string, string[]> = {
  '': Object.keys(profileSchema.shape),
  engine: Object.keys(engine.shape),
  guards: Object.keys(guards.shape),
  battery: Object.keys(battery.shape),
  http: Object.keys(http.shape),
  report: Object.keys(report.shape),
  calibration: Object.keys(calibration.shape),
};

type ProfileFile = z.output<typeof profileSchema>;

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
  report: Readonly<{ broker?: string; fleet: string; device?: string; intervalMs: number }>;
  calibration: Readonly<{ seconds: number; batch: number }>;
}>;

function toReading({
  name,
  unit,
  scale,
  file,
  command = [],
  every_s,
}: ProfileFile['readings'][number]): CustomReading {
  const common = { name, unit, scale };
  return Object.freeze(
    file === undefined
      ? { ...common, command: Object.freeze(command), everyMs: every_s * 1000 }
      : { ...common, file },
  );
}

function toLimits({ max_temp_c, min_memory_mib, battery_reserve }: ProfileFile['guards']): GuardLimits {
  return Object.freeze({
    ...(max_temp_c === undefined ? {} : { maxTempC: max_temp_c }),
    ...(min_memory_mib === undefined ? {} : { minMemoryBytes: min_memory_mib * 2 ** 20 }),
    ...(battery_reserve === undefined ? {} : { batteryReserve: battery_reserve }),
  });
}

/** From the file's snake_case to the code's names. */
export function toProfile(file: ProfileFile, defaultName: string): Profile {
  return Object.freeze({
    name: file.name ?? defaultName,
    deadlineMs: file.deadline_ms,
    goal: file.goal,
    ...(file.accuracy_goal === undefined ? {} : { accuracyGoal: file.accuracy_goal }),
    policy: file.policy,
    level: file.level,
    intervalMs: file.interval_ms,
    dwellMs: file.dwell_s * 1000,
    confirmations: file.confirmations,
    sensors: Object.freeze(file.sensors),
    readings: Object.freeze(file.readings.map(toReading)),
    guards: toLimits(file.guards),
    engine: Object.freeze({
      name: file.engine.name,
      threads: file.engine.threads,
      providers: Object.freeze(file.engine.providers),
      hangMs: file.engine.hang_s * 1000,
    }),
    ...(file.battery === undefined
      ? {}
      : { battery: Object.freeze({ lastForMs: file.battery.last_for, reserve: file.battery.reserve }) }),
    http: Object.freeze({
      host: bareHost(file.http.host),
      port: file.http.port,
      ...(file.http.token_file === undefined ? {} : { tokenFile: file.http.token_file }),
      maxBodyBytes: file.http.max_body_bytes,
      maxQueue: file.http.max_queue,
      maxBatch: file.http.max_batch,
      requestTimeoutMs: file.http.request_timeout_s * 1000,
    }),
    report: Object.freeze({
      ...(file.report.broker === undefined ? {} : { broker: file.report.broker }),
      fleet: file.report.fleet,
      ...(file.report.device === undefined ? {} : { device: file.report.device }),
      intervalMs: file.report.interval_s * 1000,
    }),
    calibration: Object.freeze(file.calibration),
  });
}
