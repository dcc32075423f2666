import { z } from 'zod';
import { decode, encode, type Result } from './decode.ts';
import { readStamp, type Stamp, type Stamped, stampFields, stampJson, textField } from './stamp.ts';

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
    ...stampJson(stamp),
    status: body.status,
    reason: body.reason,
  };
  return encode('status', wire, json);
}

export function decodeStatus(bytes: Uint8Array): Result<Stamped<Status>> {
  const result = decode('status', wire, bytes);
  if (!result.ok) return result;
  const { status, reason } = result.value;
  return { ok: true, value: { stamp: readStamp(result.value), body: { status, reason } } };
}
