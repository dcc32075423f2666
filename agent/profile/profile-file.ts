import { bareHost } from '../../listen/address.ts';
import type { GuardLimits } from '../decide/guards.ts';
import type { CustomReading } from '../sense/custom-reading.ts';
import { toDuration, toMs, toShare } from './quantities.ts';
import type { Profile, ProfileFile } from './schema.ts';

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
      maxThreads: Math.max(file.engine.threads, file.engine.max_threads ?? 0),
      providers: Object.freeze(file.engine.providers),
      hangMs: file.engine.hang_s * 1000,
    }),
    ...(file.battery === undefined
      ? {}
      : {
          battery: Object.freeze({
            lastForMs: toMs(file.battery.last_for),
            reserve: toShare(file.battery.reserve),
          }),
        }),
    bundle: Object.freeze(file.bundle.public_key === undefined ? {} : { publicKey: file.bundle.public_key }),
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
      ...(file.report.ca_file === undefined ? {} : { caFile: file.report.ca_file }),
      ...(file.report.cert_file === undefined ? {} : { certFile: file.report.cert_file }),
      ...(file.report.key_file === undefined ? {} : { keyFile: file.report.key_file }),
      intervalMs: file.report.interval_s * 1000,
    }),
    calibration: Object.freeze(file.calibration),
  });
}

/** 0.07 s is 70.00000000000001 ms, and shall be 0.07 s again. */
const seconds = (ms: number) => Number((ms / 1000).toPrecision(12));

function fromReading(reading: CustomReading): ProfileFile['readings'][number] {
  const { name, unit, scale } = reading;
  return 'file' in reading
    ? { name, unit, scale, file: reading.file, every_s: 10 }
    : { name, unit, scale, command: [...reading.command], every_s: seconds(reading.everyMs) };
}

/** The other way round than `toProfile`: from the code's names to the file's, so that what is in force can be told by the file's keys. */
export function toProfileFile(profile: Profile): ProfileFile {
  const { guards, battery, http, report, engine } = profile;
  return {
    name: profile.name,
    deadline_ms: profile.deadlineMs,
    goal: profile.goal,
    ...(profile.accuracyGoal === undefined ? {} : { accuracy_goal: profile.accuracyGoal }),
    policy: profile.policy,
    level: profile.level,
    interval_ms: profile.intervalMs,
    dwell_s: seconds(profile.dwellMs),
    confirmations: profile.confirmations,
    sensors: [...profile.sensors],
    readings: profile.readings.map(fromReading),
    engine: {
      name: engine.name,
      threads: engine.threads,
      ...(engine.maxThreads > engine.threads ? { max_threads: engine.maxThreads } : {}),
      providers: [...engine.providers],
      hang_s: seconds(engine.hangMs),
    },
    guards: {
      ...(guards.maxTempC === undefined ? {} : { max_temp_c: guards.maxTempC }),
      ...(guards.minMemoryBytes === undefined ? {} : { min_memory_mib: guards.minMemoryBytes / 2 ** 20 }),
      ...(guards.batteryReserve === undefined ? {} : { battery_reserve: guards.batteryReserve }),
    },
    ...(battery === undefined
      ? {}
      : { battery: { last_for: toDuration(battery.lastForMs), reserve: battery.reserve } }),
    bundle: profile.bundle.publicKey === undefined ? {} : { public_key: profile.bundle.publicKey },
    http: {
      host: http.host,
      port: http.port,
      ...(http.tokenFile === undefined ? {} : { token_file: http.tokenFile }),
      max_body_bytes: http.maxBodyBytes,
      max_queue: http.maxQueue,
      max_batch: http.maxBatch,
      request_timeout_s: seconds(http.requestTimeoutMs),
    },
    report: {
      ...(report.broker === undefined ? {} : { broker: report.broker }),
      fleet: report.fleet,
      ...(report.device === undefined ? {} : { device: report.device }),
      ...(report.caFile === undefined ? {} : { ca_file: report.caFile }),
      ...(report.certFile === undefined ? {} : { cert_file: report.certFile }),
      ...(report.keyFile === undefined ? {} : { key_file: report.keyFile }),
      interval_s: seconds(report.intervalMs),
    },
    calibration: { ...profile.calibration },
  };
}

/** The value of a key such as `http.port`; undefined where it has none. */
export function fileValue(file: ProfileFile, path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>((value, step) => (value as Record<string, unknown> | undefined)?.[step], file);
}
