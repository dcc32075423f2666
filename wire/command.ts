import { z } from 'zod';
import { decode, encode, type Result } from './decode.ts';
import { levelField, schemaField, schemaVersion } from './stamp.ts';
import { type CommandName, commandNames } from './topics.ts';

/** What a monitor, or a person with `mosquitto_pub`, can ask of an agent. */
export type Command = LevelCommand | { kind: 'reload' };

/** Commands on how the level is chosen. */
export type LevelCommand =
  | { kind: 'set_level'; level: number }
  | { kind: 'set_policy'; policy: 'deadline' | 'fixed'; level?: number };

/** A command and the name that its answer will repeat; null where the sender gave none. */
export type CommandRequest = { id: string | null; command: Command };

/** Many clients write null for what they leave out. */
function orAbsent<T extends z.ZodType>(schema: T) {
  return schema.nullish().transform((value) => value ?? undefined);
}

// A person types these by hand: `schema` and `id` may be absent.
const head = { schema: orAbsent(schemaField), id: orAbsent(z.string().min(1).max(64)) };

const wire = {
  level: z.object({ ...head, level: levelField }),
  policy: z.object({ ...head, policy: z.enum(['deadline', 'fixed']), level: orAbsent(levelField) }),
  // Which profile it is stands in the agent's command line: whoever reaches the broker must not choose a file.
  reload: z.object(head),
};

const names = { set_level: 'level', set_policy: 'policy', reload: 'reload' } as const satisfies Record<
  Command['kind'],
  CommandName
>;

/** The last part of the topic that carries a command. */
export function commandName(command: Command): CommandName {
  return names[command.kind];
}

export function encodeCommand(request: CommandRequest): Uint8Array {
  const { kind, ...fields } = request.command;
  const id = request.id === null ? {} : { id: request.id };
  return encode('command', wire[names[kind]], {
    schema: schemaVersion,
    ...id,
    ...fields,
  });
}

/**
 * Reads a command. No bytes at all are an empty object, and a field that is null is absent.
 * @param name the topic's part after `set/`.
 */
export function decodeCommand(name: string, bytes: Uint8Array): Result<CommandRequest> {
  const sent = bytes.length === 0 ? new TextEncoder().encode('{}') : bytes;
  if (name === 'level') {
    const result = decode('command "level"', wire.level, sent);
    if (!result.ok) return result;
    const { id, level } = result.value;
    return { ok: true, value: { id: id ?? null, command: { kind: 'set_level', level } } };
  }
  if (name === 'policy') {
    const result = decode('command "policy"', wire.policy, sent);
    if (!result.ok) return result;
    const { id, policy, level } = result.value;
    const command = { kind: 'set_policy' as const, policy, ...(level === undefined ? {} : { level }) };
    return { ok: true, value: { id: id ?? null, command } };
  }
  if (name === 'reload') {
    const result = decode('command "reload"', wire.reload, sent);
    if (!result.ok) return result;
    return { ok: true, value: { id: result.value.id ?? null, command: { kind: 'reload' } } };
  }
  return {
    ok: false,
    error: `Cannot obey command ${JSON.stringify(name.slice(0, 64))} as the command must be one of ${commandNames.join(', ')}`,
  };
}

/** The `id` of a command that may be broken elsewhere, so that its sender learns of the error; null where there is none. */
export function peekCommandId(bytes: Uint8Array): string | null {
  const result = decode('command', z.object({ id: head.id }), bytes);
  return result.ok ? (result.value.id ?? null) : null;
}
