import { z } from 'zod';
import { decode, encode, type Result } from './decode.ts';

/** The version of all payloads. It grows only where an older reader would misread a newer sender; a new key is no such change. */
export const schemaVersion = 1;

/** Most levels that a bundle may announce. */
export const levelsMax = 64;

/** Who made a message, when, and in which order. */
export type Stamp = {
  /** Identifies one start of the agent; a different one means that it started anew and that `seq` starts anew. */
  start: string;
  /** Grows by one with each message of its topic; a gap tells how many were lost. */
  seq: number;
  /** ISO 8601. For a last will: when the connection was made that has now ended. */
  time: string;
};

export type Stamped<T> = { stamp: Stamp; body: T };

export const schemaField = z.literal(schemaVersion, {
  error: `must be ${schemaVersion}; sender and receiver need versions of ebb that speak the same schema`,
});
export const timeField = z.iso.datetime({ offset: true }).max(40);
export const levelField = z
  .number()
  .int()
  .min(0)
  .max(levelsMax - 1);
export const shareField = z.number().min(0).max(1);
export const countField = z.number().int().min(0);
export const textField = (lengthMax: number) => z.string().max(lengthMax);

/** The keys that every stamped payload begins with. */
export const stampFields = {
  schema: schemaField,
  start: z.string().min(1).max(64),
  seq: countField,
  time: timeField,
};

/** The bytes of a payload with the stamp's keys in front. Throws like `encode`. */
export function encodeStamped(what: string, schema: z.ZodType, stamp: Stamp, json: object): Uint8Array {
  const { start, seq, time } = stamp;
  return encode(what, schema, { schema: schemaVersion, start, seq, time, ...json });
}

/** Reads a stamped payload; `toBody` takes from the JSON what is not the stamp's. Never throws. */
export function decodeStamped<Json extends Stamp, Body>(
  what: string,
  schema: z.ZodType<Json>,
  bytes: Uint8Array,
  toBody: (json: Json) => Body,
): Result<Stamped<Body>> {
  const result = decode(what, schema, bytes);
  if (!result.ok) return result;
  const { start, seq, time } = result.value;
  return { ok: true, value: { stamp: { start, seq, time }, body: toBody(result.value) } };
}
