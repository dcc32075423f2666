import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { CommandAnswer } from '../../wire/answer.ts';
import type { Command } from '../../wire/command.ts';
import { type DeviceInfo, encodeInfo } from '../../wire/info.ts';
import { fits } from '../../wire/link/broker-limits.ts';
import {
  type BrokerLink,
  createBrokerLink,
  type Message,
  PacketTooLargeError,
} from '../../wire/link/broker-link.ts';
import { clientIdOf } from '../../wire/link/client-id.ts';
import type { Access } from '../../wire/link/connect-once.ts';
import type { Logger } from '../../wire/link/logger.ts';
import type { Stamp } from '../../wire/stamp.ts';
import { decodeStatus, encodeStatus } from '../../wire/status.ts';
import { encodeSwap, type SwapEvent } from '../../wire/swap.ts';
import { encodeTelemetry, type Telemetry } from '../../wire/telemetry.ts';
import { commandNames, deviceTopics } from '../../wire/topics.ts';
import { createCommandInbox } from './command-inbox.ts';
import { NameClaim } from './name-claim.ts';
import { Outbox, type OutboxItem } from './outbox.ts';

/** Unacknowledged publications at a time. */
const window = 8;
const goodbyeMs = 400;
/** If the broker retains nothing, info is repeated this often for monitors that start later. */
const repeatInfoMs = 60_000;

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
  /** Wall clock, for the time in messages; nothing is decided by it. */
  now?: () => Date;
  monotonicMs?: () => number;
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
  const monotonicMs = options.monotonicMs ?? (() => performance.now());
  const host = hostname();
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
    // Another one at every start: two agents of the same name must not evict each other for ever (see NameClaim).
    clientId: clientIdOf(fleet, device, start),
    keepaliveS: options.keepaliveS ?? 10,
    will: () => {
      // The will is older than the connection's `online`, yet ends it: a monitor takes the greater number.
      const { seq, ...rest } = stamp('status');
      next.status += 1;
      willSeq = seq + 1;
      const body = { status: 'offline', reason: 'connection lost', host } as const;
      const will = encodeStatus({ ...rest, seq: willSeq }, body);
      return { topic: topics.status, payload: will };
    },
    subscriptions: ({ wildcards }) => [
      ...(wildcards ? [topics.commands] : commandNames.map(topics.set)),
      topics.status,
    ],
    onConnect: () => {
      claim.connect();
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
  let infoSaidMs = Number.NEGATIVE_INFINITY;
  const claim = new NameClaim({ start });
  const toldTwins = new Set<string>();
  let toldLarge = false;

  function sayOnline(answers?: string): void {
    const payload = encodeStatus(
      { start, seq: willSeq - 1, time: now().toISOString() },
      { status: 'online', reason: null, host, ...(answers === undefined ? {} : { answers }) },
    );
    send(link, { topic: topics.status, payload, qos: 1, retain: true });
  }

  function sayInfo(): void {
    infoSaidMs = monotonicMs();
    send(link, { topic: topics.info, payload: encodeInfo(stamp('info'), info), qos: 1, retain: true });
  }

  function receive(message: Message): void {
    if (message.topic === topics.status) receiveStatus(message);
    else if (claim.holder === null) inbox.receive(message);
  }

  /** A status on our own topic: our own heard back, or that of another start. */
  function receiveStatus(message: Message): void {
    const status = decodeStatus(message.payload);
    if (!status.ok) return;
    const action = claim.receive({ ...status.value, retain: message.retain, willSeq });
    const otherHost = status.value.body.host;
    switch (action?.kind) {
      case 'assert':
        sayOnline();
        break;
      case 'answer':
        warnOfTwin(action.start, otherHost, 'it reports nothing while this one does');
        sayOnline(action.start);
        break;
      case 'yield':
        outbox.clear();
        warnOfTwin(action.start, otherHost, 'this one serves, but reports nothing while that one does');
        break;
      case 'resume':
        log.info({ fleet, device }, 'the other agent with the same name is gone: this one reports again');
        sayOnline();
        sayInfo();
    }
  }

  function warnOfTwin(other: string, otherHost: string | undefined, outcome: string): void {
    if (toldTwins.has(other)) return;
    toldTwins.add(other);
    log.warn(
      { fleet, device, host: otherHost ?? 'unknown' },
      `another agent has the same name, "${device}" in fleet "${fleet}"${otherHost === undefined ? '' : `, on host ${otherHost}`}: ${outcome}; give each device a name of its own with --device`,
    );
  }

  function send(to: BrokerLink, message: Parameters<BrokerLink['publish']>[0]): void {
    to.publish(message).catch((error: Error) => {
      if (error instanceof PacketTooLargeError) warnOfSize(error.message);
      else log.debug({ topic: message.topic, why: error.message }, 'a message did not reach the broker');
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
          if (error instanceof PacketTooLargeError) return leaveOut(item, error);
          // A reason code (MQTT 5) means that the broker has it and will not take it; otherwise it goes again after the next connect.
          if (typeof error.code !== 'number') return;
          log.warn({ topic: item.topic, why: error.message }, 'the broker refuses a message');
          outbox.acknowledge(item);
          pump();
        },
      );
    }
  }

  /** It would never fit: the rest must not wait for it. */
  function leaveOut(item: OutboxItem, error: Error): void {
    outbox.acknowledge(item);
    warnOfSize(error.message);
    pump();
  }

  function warnOfSize(why: string): void {
    if (toldLarge) return;
    toldLarge = true;
    log.warn({ why }, 'the broker takes only small messages: some are shortened or left out');
  }

  /** Without its readings if the broker takes no packet that holds them. */
  function encodeFitting(made: Stamp, telemetry: Telemetry): Uint8Array {
    const payload = encodeTelemetry(made, telemetry);
    const { limits } = link;
    if (limits === null || fits(limits, { topic: topics.telemetry, payload })) return payload;
    warnOfSize(`telemetry of ${payload.length} bytes; its readings are left out`);
    return encodeTelemetry(made, { ...telemetry, readings: [] });
  }

  return {
    start: () => link.start(),
    publishInfo(next) {
      info = next;
      if (link.connected && claim.holder === null) sayInfo();
    },
    publishTelemetry(telemetry) {
      if (claim.holder !== null) return;
      const isDue = link.limits?.retain === false && monotonicMs() - infoSaidMs >= repeatInfoMs;
      if (isDue && link.connected) sayInfo();
      const made = stamp('telemetry');
      enqueue('telemetry', topics.telemetry, () => encodeFitting(made, telemetry));
    },
    publishSwap(swap) {
      if (claim.holder !== null) return;
      const made = stamp('swap');
      enqueue('swap', topics.swap, () => encodeSwap(made, swap));
    },
    async stop() {
      if (link.connected && claim.holder === null) {
        const payload = encodeStatus(
          { start, seq: willSeq, time: now().toISOString() },
          { status: 'offline', reason: 'stopped', host },
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
