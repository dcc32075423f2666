import { type CommandAnswer, encodeAnswer } from '../../wire/answer.ts';
import { type Command, decodeCommand, peekCommandId } from '../../wire/command.ts';
import type { Message } from '../../wire/link/broker-link.ts';
import type { Logger } from '../../wire/link/logger.ts';
import { type deviceTopics, parseTopic } from '../../wire/topics.ts';

/** More commands than these at a time are refused. */
const waitingMax = 16;

export type Answer = { topic: string; payload: Uint8Array; correlationData?: Uint8Array };

/**
 * Obeys commands one after the other and answers each. Anybody may have sent them: what cannot be read is logged and
 * answered with an error, and nothing here throws.
 */
export function createCommandInbox(options: {
  topics: ReturnType<typeof deviceTopics>;
  onCommand: (command: Command) => Promise<CommandAnswer>;
  send: (answer: Answer) => void;
  log: Logger;
}): { receive(message: Message): void } {
  const { topics, onCommand, send, log } = options;
  let waiting = 0;
  let queue: Promise<void> = Promise.resolve();

  function answerTopic(message: Message, command: string): string {
    const usual = topics.answer(command);
    const wanted = message.responseTopic;
    if (wanted === null || wanted === usual) return usual;
    if (wanted.startsWith(topics.prefix) && wanted.length <= 512 && !/[+#\p{C}]/u.test(wanted)) {
      // Below our own prefix, but no topic that means something else.
      const kind = parseTopic(wanted)?.kind;
      if (kind === undefined || kind === 'answer') return wanted;
    }
    log.warn({ topic: message.topic }, 'ignored a response topic that is none of ours to write to');
    return usual;
  }

  function reply(message: Message, command: string, id: string | null, answer: CommandAnswer): void {
    send({
      topic: answerTopic(message, command),
      payload: encodeAnswer({ id, answer }),
      ...(message.correlationData === null ? {} : { correlationData: message.correlationData }),
    });
  }

  async function obey(command: Command): Promise<CommandAnswer> {
    try {
      return await onCommand(command);
    } catch (error) {
      return { ok: false, error: error instanceof Error ? error.message : String(error) };
    }
  }

  return {
    receive(message) {
      const topic = parseTopic(message.topic);
      if (topic?.kind !== 'set') return;
      const refuse = (error: string) => {
        log.warn({ topic: message.topic, why: error }, 'refused a command');
        reply(message, topic.command, peekCommandId(message.payload), { ok: false, error });
      };
      // It would come again with every connection.
      if (message.retain)
        return refuse(
          'Cannot obey the command as it must not be retained; publish it without the retain flag',
        );
      const request = decodeCommand(topic.command, message.payload);
      if (!request.ok) return refuse(request.error);
      if (waiting >= waitingMax)
        return refuse(`Cannot obey the command as at most ${waitingMax} may wait; try again later`);
      waiting += 1;
      queue = queue.then(async () => {
        const { id, command } = request.value;
        const answer = await obey(command);
        waiting -= 1;
        log.info(
          { command: command.kind, ok: answer.ok, ...(answer.ok ? {} : { why: answer.error }) },
          'command',
        );
        reply(message, topic.command, id, answer);
      });
    },
  };
}
