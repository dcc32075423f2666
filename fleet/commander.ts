import { randomUUID } from 'node:crypto';
import { type CommandAnswer, decodeAnswer } from '../wire/answer.ts';
import { type Command, commandName, encodeCommand } from '../wire/command.ts';
import type { BrokerLink, Message } from '../wire/link/broker-link.ts';
import { deviceTopics, parseTopic } from '../wire/topics.ts';

const pendingMax = 100;

export type CommandOutcome =
  | { outcome: 'answered'; answer: CommandAnswer }
  | { outcome: 'no-answer' }
  | { outcome: 'not-sent'; error: string };

/** Sends commands to devices and waits for their answers. */
export function createCommander(options: { link: Pick<BrokerLink, 'publish'>; timeoutMs: number }) {
  const pending = new Map<string, (answer: CommandAnswer) => void>();
  const keyOf = (fleet: string, device: string, command: string, id: string) =>
    `${fleet}/${device}/${command}/${id}`;

  /** Never rejects. */
  async function send(to: { fleet: string; device: string; command: Command }): Promise<CommandOutcome> {
    const { fleet, device, command } = to;
    if (pending.size >= pendingMax) return { outcome: 'not-sent', error: 'too many commands are waiting' };
    const id = randomUUID();
    const name = commandName(command);
    const key = keyOf(fleet, device, name, id);
    let timer: NodeJS.Timeout | undefined;
    const answered = new Promise<CommandOutcome>((resolve) => {
      pending.set(key, (answer) => resolve({ outcome: 'answered', answer }));
      timer = setTimeout(() => resolve({ outcome: 'no-answer' }), options.timeoutMs);
    });
    try {
      const sent = options.link.publish({
        topic: deviceTopics({ fleet, device }).set(name),
        payload: encodeCommand({ id, command }),
        qos: 1,
        expiryS: Math.ceil(options.timeoutMs / 1000),
      });
      // The acknowledgement may come after the answer, or never.
      return await Promise.race([sent.then(() => answered), answered]);
    } catch (error) {
      return { outcome: 'not-sent', error: error instanceof Error ? error.message : String(error) };
    } finally {
      clearTimeout(timer);
      pending.delete(key);
    }
  }

  /** Takes a message from an answer topic; anything else is left alone. */
  function receive(message: Pick<Message, 'topic' | 'payload'>): void {
    const topic = parseTopic(message.topic);
    if (topic?.kind !== 'answer') return;
    const result = decodeAnswer(message.payload);
    if (!result.ok || result.value.id === null) return;
    pending.get(keyOf(topic.fleet, topic.device, topic.command, result.value.id))?.(result.value.answer);
  }

  return { send, receive };
}

export type Commander = ReturnType<typeof createCommander>;
