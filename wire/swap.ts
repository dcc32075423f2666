import { z } from 'zod';
import type { Result } from './decode.ts';
import {
  decodeStamped,
  encodeStamped,
  levelField,
  type Stamp,
  type Stamped,
  stampFields,
  textField,
  timeField,
} from './stamp.ts';

/** One change of level. */
export type SwapEvent = {
  from: number;
  to: number;
  /** A sentence with numbers. */
  reason: string;
  /** ISO 8601. */
  at: string;
  policy: string;
};

const reasonLengthMax = 1000;

const wire = z.object({
  ...stampFields,
  from: levelField,
  to: levelField,
  reason: textField(reasonLengthMax),
  at: timeField,
  policy: z.string().min(1).max(64),
});

export function encodeSwap(stamp: Stamp, body: SwapEvent): Uint8Array {
  const { from, to, at, policy } = body;
  const reason = body.reason.slice(0, reasonLengthMax);
  return encodeStamped('swap', wire, stamp, { from, to, reason, at, policy });
}

export function decodeSwap(bytes: Uint8Array): Result<Stamped<SwapEvent>> {
  return decodeStamped('swap', wire, bytes, ({ from, to, reason, at, policy }) => ({
    from,
    to,
    reason,
    at,
    policy,
  }));
}
