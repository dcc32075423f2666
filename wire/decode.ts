import type { z } from 'zod';

/** No payload is larger; larger ones are not even parsed. */
export const payloadBytesMax = 256 * 1024;

const errorLengthMax = 300;

export type Result<T> = { ok: true; value: T } | { ok: false; error: string };

/**
 * Reads a JSON payload of at most 256 KiB. Never throws: the sender may be anybody.
 * Keys that the schema does not name are ignored, so that newer senders can say more.
 */
export function decode<T>(what: string, schema: z.ZodType<T>, bytes: Uint8Array): Result<T> {
  const refuse = (why: string): Result<T> => ({
    ok: false,
    error: `Cannot read ${what} as ${why}`.slice(0, errorLengthMax),
  });
  if (bytes.length > payloadBytesMax)
    return refuse(`a payload must have at most ${payloadBytesMax} bytes: current value is ${bytes.length}`);
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    return refuse('the payload must be JSON in UTF-8');
  }
  const result = schema.safeParse(json);
  if (result.success) return { ok: true, value: result.data };
  const issue = result.error.issues[0];
  const where = issue?.path.map(String).join('.') || 'the payload';
  return refuse(`${where} is wrong: ${issue?.message ?? 'unknown'}`);
}

/** The bytes of a payload. Throws a RangeError where `json` breaks the schema that the receiver will hold it to. */
export function encode(what: string, schema: z.ZodType, json: unknown): Uint8Array {
  const result = schema.safeParse(json);
  if (!result.success) {
    const issue = result.error.issues[0];
    throw new RangeError(
      `Cannot send ${what} as ${issue?.path.map(String).join('.')} is wrong: ${issue?.message}`,
    );
  }
  const bytes = new TextEncoder().encode(JSON.stringify(json));
  if (bytes.length > payloadBytesMax)
    throw new RangeError(
      `Cannot send ${what} as a payload must have at most ${payloadBytesMax} bytes: current value is ${bytes.length}`,
    );
  return bytes;
}
