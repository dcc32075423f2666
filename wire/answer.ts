import { z } from 'zod';
import { decode, encode, type Result } from './decode.ts';
import { schemaField, schemaVersion, textField } from './stamp.ts';

/** What became of a command. */
export type CommandAnswer = { ok: true } | { ok: false; error: string };

/** An answer with the `id` of its command; null where the command had none. */
export type AnsweredCommand = { id: string | null; answer: CommandAnswer };

const errorLengthMax = 1000;
const id = textField(64).nullable();

const wire = z.discriminatedUnion('ok', [
  z.object({ schema: schemaField, id, ok: z.literal(true) }),
  z.object({ schema: schemaField, id, ok: z.literal(false), error: textField(errorLengthMax) }),
]);

export function encodeAnswer(answered: AnsweredCommand): Uint8Array {
  const { id, answer } = answered;
  const error = answer.ok ? {} : { error: answer.error.slice(0, errorLengthMax) };
  return encode('answer', wire, { schema: schemaVersion, id, ok: answer.ok, ...error });
}

export function decodeAnswer(bytes: Uint8Array): Result<AnsweredCommand> {
  const result = decode('answer', wire, bytes);
  if (!result.ok) return result;
  const answer: CommandAnswer = result.value.ok ? { ok: true } : { ok: false, error: result.value.error };
  return { ok: true, value: { id: result.value.id, answer } };
}
