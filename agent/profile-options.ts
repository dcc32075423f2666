import type { EngineName } from '../engine/engine.ts';
import { parseListenAddress } from '../listen/address.ts';
import { asUsage, UsageError } from '../terminal/usage-error.ts';
import { checkAccess } from '../wire/link/connect-once.ts';
import { isTopicName } from '../wire/topics.ts';
import { deadlineMaxMs, type Profile } from './profile/schema.ts';

/** Flags that take precedence over the profile's keys. */
export type ProfileFlags = {
  broker?: string;
  http?: string;
  device?: string;
  fleet?: string;
  policy?: 'deadline' | 'fixed';
  level?: number;
  deadlineMs?: number;
  batch?: number;
  engine?: EngineName | 'auto';
  tokenFile?: string;
  ca?: string;
  cert?: string;
  key?: string;
};

/** The profile with the flags' values. @throws UsageError for a flag that cannot be used. */
export function applyFlags(profile: Profile, flags: ProfileFlags): Profile {
  for (const [what, name] of Object.entries({ fleet: flags.fleet, device: flags.device })) {
    if (name !== undefined && !isTopicName(name))
      throw new UsageError(
        `Cannot use the ${what} name as it must be 1 to 64 characters without "/", "+", "#" and spaces: current value is ${JSON.stringify(name)}`,
      );
  }
  const broker = flags.broker ?? profile.report.broker;
  const ca = flags.ca ?? profile.report.caFile;
  const cert = flags.cert ?? profile.report.certFile;
  const key = flags.key ?? profile.report.keyFile;
  if (broker !== undefined) asUsage(() => checkAccess({ url: broker, ca, cert, key }));
  else if (flags.ca ?? flags.cert ?? flags.key)
    throw new UsageError(
      'Cannot use --ca, --cert or --key as there must be a broker: add --broker mqtts://HOST',
    );
  if (flags.deadlineMs !== undefined && flags.deadlineMs > deadlineMaxMs)
    throw new UsageError(
      `Cannot use --deadline-ms as it must be at most ${deadlineMaxMs}: current value is ${flags.deadlineMs}`,
    );
  if (flags.level !== undefined && (flags.policy ?? profile.policy) !== 'fixed')
    throw new UsageError('Cannot hold --level as the policy must be fixed: add --policy fixed');
  const { http } = flags;
  const address = http === undefined ? {} : asUsage(() => parseListenAddress('--http', http, profile.http));
  return Object.freeze({
    ...profile,
    policy: flags.policy ?? profile.policy,
    level: flags.level ?? profile.level,
    deadlineMs: flags.deadlineMs ?? profile.deadlineMs,
    http: Object.freeze({
      ...profile.http,
      ...address,
      ...(flags.tokenFile === undefined ? {} : { tokenFile: flags.tokenFile }),
    }),
    report: Object.freeze({
      ...profile.report,
      ...(broker === undefined ? {} : { broker }),
      ...(flags.fleet === undefined ? {} : { fleet: flags.fleet }),
      ...(flags.device === undefined ? {} : { device: flags.device }),
      ...(ca === undefined ? {} : { caFile: ca }),
      ...(cert === undefined ? {} : { certFile: cert }),
      ...(key === undefined ? {} : { keyFile: key }),
    }),
    engine: Object.freeze({ ...profile.engine, name: flags.engine ?? profile.engine.name }),
    calibration: Object.freeze({ ...profile.calibration, batch: flags.batch ?? profile.calibration.batch }),
  });
}

/** Which flag gives which of the profile's keys its value. */
export function flagsByKey(flags: ProfileFlags): Record<string, string> {
  const keys: Record<keyof ProfileFlags, [flag: string, ...keys: string[]]> = {
    broker: ['--broker', 'report.broker'],
    http: ['--http', 'http.host', 'http.port'],
    device: ['--device', 'report.device'],
    fleet: ['--fleet', 'report.fleet'],
    policy: ['--policy', 'policy'],
    level: ['--level', 'level'],
    deadlineMs: ['--deadline-ms', 'deadline_ms'],
    batch: ['--batch', 'calibration.batch'],
    engine: ['--engine', 'engine.name'],
    tokenFile: ['--token-file', 'http.token_file'],
    ca: ['--ca', 'report.ca_file'],
    cert: ['--cert', 'report.cert_file'],
    key: ['--key', 'report.key_file'],
  };
  const given = Object.entries(keys).filter(([name]) => flags[name as keyof ProfileFlags] !== undefined);
  return Object.fromEntries(given.flatMap(([, [flag, ...set]]) => set.map((key) => [key, flag])));
}
