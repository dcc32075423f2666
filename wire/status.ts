import { z } from 'zod';
import type { Result } from './decode.ts';
import { decodeStamped, encodeStamped, type Stamp, type Stamped, stampFields, textField } from './stamp.ts';

/** Whether an agent is there. Retained; the broker publishes `offline` by itself (last will) where the agent is lost. */
export type Status = {
  status: 'online' | 'offline';
  /** Why, for people: `stopped`, `connection lost`. */
  reason: string | null;
  /** Name of the machine that runs the agent; missing from older versions. */
  host?: string | undefined;
  /** `start` of an agent of the same name that came later: it must report nothing. */
  answers?: string | undefined;
};

const wire = z.object({
  ...stampFields,
  status: z.enum(['online', 'offline']),
  reason: textField(200).nullable(),
  host: textField(255).nullish(),
  answers: textField(64).nullish(),
});

export function encodeStatus(stamp: Stamp, body: Status): Uint8Array {
  const json = {
    status: body.status,
    reason: body.reason,
    ...(body.host === undefined ? {} : { host: body.host.slice(0, 255) }),
    ...(body.answers === undefined ? {} : { answers: body.answers }),
  };
  return encodeStamped('status', wire, stamp, json);
}

export function decodeStatus(bytes: Uint8Array): Result<Stamped<Status>> {
  return decodeStamped('status', wire, bytes, ({ status, reason, host, answers }) => ({
    status,
    reason,
    ...(host == null ? {} : { host }),
    ...(answers == null ? {} : { answers }),
  }));
}
