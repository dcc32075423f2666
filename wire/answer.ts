import { z } from 'zod';
import { decode, encode, type Result } from './decode.ts';
import { schemaField, schemaVersion, textField } from './stamp.ts';

/** What became of a command; `note` is a sentence on what was done. */
export type CommandAnswer = { ok: true; note?: string } | { ok: false; error: string };

/** An answer with the `id` of its command; null where the command had none. */
export type AnsweredCommand = { id: string | null; answer: CommandAnswer };

const textLengthMax = 1000;
const id = textField(64).nullable();

const wire = z.discriminatedUnion('ok', [
  z.object({ schema: schemaField, id, ok: z.literal(true), note: textField(textLengthMax).optional() }),
  z.object({ schema: schemaField, id, ok: z.literal(false), error: textField(textLengthMax) }),
]);

export function encodeAnswer(answered: AnsweredCommand): Uint8Array {
  const { id, answer } = answered;
  const text = answer.ok
    ? answer.note === undefined
      ? {}
      : { note: answer.note.slice(0, textLengthMax) }
    : { error: answer.error.slice(0, textLengthMax) };
  return encode('answer', wire, { schema: schemaVersion, id, ok: answer.ok, ...text });
}

export function decodeAnswer(bytes: Uint8Array): Result<AnsweredCommand> {
  const result = decode('answer', wire, bytes);
  if (!result.ok) return result;
  return { ok: true, value: { id: result.value.id, answer: answerOf(result.value) } };
}

function answerOf(body: z.output<typeof wire>): CommandAnswer {
  if (!body.ok) return { ok: false, error: body.error };
  return { ok: true, ...(body.note === undefined ? {} : { note: body.note }) };
}
