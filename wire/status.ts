import { z } from 'zod';
import type { Result } from './decode.ts';
import { decodeStamped, encodeStamped, type Stamp, type Stamped, stampFields, textField } from './stamp.ts';

/** Whether an agent is there. Retained; the broker publishes `offline` by itself (last will) where the agent is lost. */
export type Status = {
  status: 'online' | 'offline';
  /** Why, for people: `stopped`, `connection lost`. */
  reason: string | null;
};

const wire = z.object({
  ...stampFields,
  status: z.enum(['online', 'offline']),
  reason: textField(200).nullable(),
});

export function encodeStatus(stamp: Stamp, body: Status): Uint8Array {
  const json = {
    status: body.status,
    reason: body.reason,
  };
  return encodeStamped('status', wire, stamp, json);
}

export function decodeStatus(bytes: Uint8Array): Result<Stamped<Status>> {
  return decodeStamped('status', wire, bytes, ({ status, reason }) => ({ status, reason }));
}
