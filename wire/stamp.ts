import { z } from 'zod';

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

/** Puts the stamp's keys in front of a payload's. */
export function stampJson(stamp: Stamp) {
  return { schema: schemaVersion, start: stamp.start, seq: stamp.seq, time: stamp.time };
}

export function readStamp(json: { start: string; seq: number; time: string }): Stamp {
  return { start: json.start, seq: json.seq, time: json.time };
}
