import type { CustomReading } from '../sense/custom-reading.ts';
import type { Profile, ProfileFile } from './schema.ts';

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
  const { guards, http, report, engine } = profile;
  return {
    name: profile.name,
    deadline_ms: profile.deadlineMs,
    goal: profile.goal,
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
      providers: [...engine.providers],
      hang_s: seconds(engine.hangMs),
    },
    guards: {
      ...(guards.maxTempC === undefined ? {} : { max_temp_c: guards.maxTempC }),
      ...(guards.minMemoryBytes === undefined ? {} : { min_memory_mib: guards.minMemoryBytes / 2 ** 20 }),
      ...(guards.batteryReserve === undefined ? {} : { battery_reserve: guards.batteryReserve }),
    },
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
      interval_s: seconds(report.intervalMs),
    },
    calibration: { ...profile.calibration },
  };
}

/** The value of a key such as `http.port`; undefined where it has none. */
export function fileValue(file: ProfileFile, path: string): unknown {
  return path.split('.').reduce<unknown>((value, step) => (value as Record<string, unknown>)[step], file);
}
