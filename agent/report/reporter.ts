import { randomUUID } from 'node:crypto';
import type { CommandAnswer } from '../../wire/answer.ts';
import type { Command } from '../../wire/command.ts';
import { type DeviceInfo, encodeInfo } from '../../wire/info.ts';
import { type BrokerLink, createBrokerLink, type Message } from '../../wire/link/broker-link.ts';
import type { Access } from '../../wire/link/connect-once.ts';
import type { Logger } from '../../wire/link/logger.ts';
import type { Stamp } from '../../wire/stamp.ts';
import { decodeStatus, encodeStatus } from '../../wire/status.ts';
import { encodeSwap, type SwapEvent } from '../../wire/swap.ts';
import { encodeTelemetry, type Telemetry } from '../../wire/telemetry.ts';
import { deviceTopics } from '../../wire/topics.ts';
import { createCommandInbox } from './command-inbox.ts';
import { Outbox, type OutboxItem } from './outbox.ts';

/** Unacknowledged publications at a time. */
const window = 8;
const goodbyeMs = 400;

export type ReporterOptions = Access & {
  fleet: string;
  device: string;
  info: DeviceInfo;
  /** Obeys a command; called for one at a time. */
  onCommand: (command: Command) => Promise<CommandAnswer>;
  log: Logger;
  /** The broker declares the agent lost after 1.5 times this without a sign of life. */
  keepaliveS?: number;
  /** Telemetry and swaps kept in memory while there is no broker. */
  outboxItems?: number;
  /** Wall clock, for the time in messages. */
  now?: () => Date;
  random?: () => number;
  /** Identifies this start of the agent. */
  start?: string;
};

/** Tells a broker what the agent does, and the agent what people ask of it. A broker that is absent, slow or hostile costs no request. */
export type Reporter = {
  /** Resolves when the first connection attempt is over; never rejects for an absent broker. */
  start(): Promise<void>;
  /** Says anew what the device is: another bundle is served. */
  publishInfo(info: DeviceInfo): void;
  publishTelemetry(telemetry: Telemetry): void;
  publishSwap(swap: SwapEvent): void;
  /** Publishes status offline; ends within 1 s. */
  stop(): Promise<void>;
};

/** Prepares a reporter. Throws a TypeError for a URL or certificates, a RangeError for names, that cannot be used. */
export function createReporter(options: ReporterOptions): Reporter {
  const { fleet, device, log } = options;
  let { info } = options;
  const topics = deviceTopics({ fleet, device });
  const now = options.now ?? (() => new Date());
  const start = options.start ?? randomUUID();
  const outbox = new Outbox({ capacity: options.outboxItems ?? 1000 });
  const next = { status: 0, info: 0, telemetry: 0, swap: 0 };
  const toldDropped = { telemetry: 0, swap: 0 };

  function stamp(topic: keyof typeof next): Stamp {
    const seq = next[topic];
    next[topic] += 1;
    return { start, seq, time: now().toISOString() };
  }

  const inbox = createCommandInbox({
    topics,
    onCommand: options.onCommand,
    send: (answer) => send(link, { ...answer, qos: 1 }),
    log,
  });

  const link = createBrokerLink({
    access: options,
    // The same at every start: a new connection then ends what is left of the old one.
    clientId: `ebb-${fleet}-${device}`,
    keepaliveS: options.keepaliveS ?? 10,
    will: () => {
      // The will is older than the connection's `online`, yet ends it: a monitor takes the greater number.
      const { seq, ...rest } = stamp('status');
      next.status += 1;
      willSeq = seq + 1;
      const will = encodeStatus({ ...rest, seq: willSeq }, { status: 'offline', reason: 'connection lost' });
      return { topic: topics.status, payload: will };
    },
    subscriptions: [topics.commands, topics.status],
    onConnect: () => {
      sayOnline();
      sayInfo();
      pump();
    },
    onDisconnect: () => outbox.rewind(),
    onMessage: receive,
    log,
    ...(options.random ? { random: options.random } : {}),
  });
  let willSeq = 0;
  let startedMs = Number.POSITIVE_INFINITY;
  let toldTwin = '';

  function sayOnline(): void {
    const payload = encodeStatus(
      { start, seq: willSeq - 1, time: now().toISOString() },
      { status: 'online', reason: null },
    );
    send(link, { topic: topics.status, payload, qos: 1, retain: true });
  }

  function sayInfo(): void {
    send(link, { topic: topics.info, payload: encodeInfo(stamp('info'), info), qos: 1, retain: true });
  }

  function receive(message: Message): void {
    if (message.topic === topics.status) mendStatus(message);
    else inbox.receive(message);
  }

  /** Our own status topic, heard back. */
  function mendStatus(message: Message): void {
    const status = decodeStatus(message.payload);
    if (!status.ok) return;
    const { stamp, body } = status.value;
    const ours = stamp.start === start;
    // Whatever an earlier start of this agent left behind is older than this start.
    if (!ours && Date.parse(stamp.time) > startedMs && stamp.start !== toldTwin) {
      toldTwin = stamp.start;
      log.warn({ fleet, device }, 'another agent has the same name: give each device a name of its own');
    }
    if (body.status === 'online') return;
    // The last will of an earlier connection may come after our `online` and must not stand as the last word.
    const late = ours ? stamp.seq < willSeq - 1 : !message.retain;
    if (late) sayOnline();
  }

  function send(to: BrokerLink, message: Parameters<BrokerLink['publish']>[0]): void {
    to.publish(message).catch((error: Error) => {
      log.debug({ topic: message.topic, why: error.message }, 'a message did not reach the broker');
    });
  }

  function enqueue(kind: OutboxItem['kind'], topic: string, encodePayload: () => Uint8Array): void {
    try {
      outbox.push({ kind, topic, payload: encodePayload() });
    } catch (error) {
      log.error(
        { why: error instanceof Error ? error.message : String(error) },
        `left out a ${kind} message`,
      );
      return;
    }
    tellDropped();
    pump();
  }

  /** Says how much was lost: at the first loss, and then each time it has doubled. */
  function tellDropped(): void {
    for (const kind of ['telemetry', 'swap'] as const) {
      const count = outbox.dropped[kind];
      if (count === 0 || count < 2 * toldDropped[kind]) continue;
      toldDropped[kind] = count;
      log.warn({ kind, dropped: count }, 'the broker is away for long: dropped the oldest messages');
    }
  }

  function pump(): void {
    while (link.connected) {
      const item = outbox.take(window);
      if (item === null) return;
      link.publish({ topic: item.topic, payload: item.payload, qos: 1 }).then(
        () => {
          outbox.acknowledge(item);
          pump();
        },
        (error: Error & { code?: unknown }) => {
          // A reason code (MQTT 5) means that the broker has it and will not take it; otherwise it goes again after the next connect.
          if (typeof error.code !== 'number') return;
          log.warn({ topic: item.topic, why: error.message }, 'the broker refuses a message');
          outbox.acknowledge(item);
          pump();
        },
      );
    }
  }

  return {
    start() {
      startedMs = now().getTime();
      return link.start();
    },
    publishInfo(next) {
      info = next;
      if (link.connected) sayInfo();
    },
    publishTelemetry(telemetry) {
      const made = stamp('telemetry');
      enqueue('telemetry', topics.telemetry, () => encodeTelemetry(made, telemetry));
    },
    publishSwap(swap) {
      const made = stamp('swap');
      enqueue('swap', topics.swap, () => encodeSwap(made, swap));
    },
    async stop() {
      if (link.connected) {
        const payload = encodeStatus(
          { start, seq: willSeq, time: now().toISOString() },
          { status: 'offline', reason: 'stopped' },
        );
        let timer: NodeJS.Timeout | undefined;
        await Promise.race([
          link
            .publish({ topic: topics.status, payload, qos: 1, retain: true })
            .catch((error: Error) => log.debug({ why: error.message }, 'could not say goodbye')),
          new Promise((resolve) => {
            timer = setTimeout(resolve, goodbyeMs);
          }),
        ]);
        clearTimeout(timer);
      }
      await link.stop(goodbyeMs);
    },
  };
}
