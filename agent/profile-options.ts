import { InvalidArgumentError } from 'commander';
import { UsageError } from '../terminal/usage-error.ts';
import { parseBrokerUrl } from '../wire/link/broker-url.ts';
import { isTopicName } from '../wire/topics.ts';
import type { Profile } from './profile/schema.ts';

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
  tokenFile?: string;
};

/** For commander: a whole number of at least `least`. */
export function wholeNumber(least: number): (text: string) => number {
  return (text) => {
    if (/^\d{1,9}$/.test(text) && Number(text) >= least) return Number(text);
    throw new InvalidArgumentError(`It must be a whole number of at least ${least}.`);
  };
}

/** For commander: a number above 0. */
export function positiveNumber(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && value > 0 && value <= 3_600_000) return value;
  throw new InvalidArgumentError('It must be a number above 0, at most 3600000.');
}

/** Reads `HOST:PORT`, `[::1]:PORT` or `PORT`. @throws UsageError for anything else. */
export function parseAddress(text: string, defaultHost: string): { host: string; port: number } {
  const match = /^(?:(\[[0-9a-fA-F:.]+\]|[^:[\]\s]+):)?(\d{1,5})$/.exec(text);
  const port = Number(match?.[2]);
  if (!match || port > 65535)
    throw new UsageError(
      `Cannot listen on "${text}" as the address must be HOST:PORT: write for instance 127.0.0.1:8080, or port 0 for any free one`,
    );
  return { host: match[1] ?? defaultHost, port };
}

/** The profile with the flags' values. @throws UsageError for a flag that cannot be used. */
export function applyFlags(profile: Profile, flags: ProfileFlags): Profile {
  for (const [what, name] of Object.entries({ fleet: flags.fleet, device: flags.device })) {
    if (name !== undefined && !isTopicName(name))
      throw new UsageError(
        `Cannot use the ${what} name as it must be 1 to 64 characters without "/", "+", "#" and spaces: current value is ${JSON.stringify(name)}`,
      );
  }
  const broker = flags.broker ?? profile.report.broker;
  if (broker !== undefined) {
    try {
      parseBrokerUrl(broker);
    } catch (cause) {
      // Its message says it all: as a cause it would be printed twice.
      throw new UsageError(cause instanceof Error ? cause.message : String(cause));
    }
  }
  if (flags.level !== undefined && (flags.policy ?? profile.policy) !== 'fixed')
    throw new UsageError('Cannot hold --level as the policy must be fixed: add --policy fixed');
  const address = flags.http === undefined ? {} : parseAddress(flags.http, profile.http.host);
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
    }),
    calibration: Object.freeze({ ...profile.calibration, batch: flags.batch ?? profile.calibration.batch }),
  });
}
