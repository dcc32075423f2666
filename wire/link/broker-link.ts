import { setTimeout as delay } from 'node:timers/promises';
import type { IClientPublishOptions, IPublishPacket, MqttClient } from 'mqtt';
import { backoffMs } from './backoff.ts';
import {
  type Abstention,
  abstainMore,
  type BrokerLimits,
  describeLacks,
  fits,
  isRefusedFeature,
  noAbstention,
} from './broker-limits.ts';
import {
  type Access,
  type Attempt,
  checkAccess,
  connectOnce,
  type ProtocolVersion,
  type Will,
} from './connect-once.ts';
import type { Logger } from './logger.ts';

/** A connection that lasted this long was a good one: the next failure counts as the first. */
const settledMs = 5000;
/** Connections in a row that the broker drops before it acknowledges anything, until something is left out. */
const dropsMax = 2;

export type Message = {
  topic: string;
  payload: Uint8Array;
  retain: boolean;
  /** MQTT 5 only. */
  responseTopic: string | null;
  correlationData: Uint8Array | null;
};

export type Outgoing = {
  topic: string;
  payload: Uint8Array;
  qos: 0 | 1;
  retain?: boolean;
  /** MQTT 5 only: left out where the broker speaks 3.1.1. */
  expiryS?: number;
  responseTopic?: string;
  correlationData?: Uint8Array;
};

export type LinkOptions = {
  access: Access;
  clientId: string;
  keepaliveS: number;
  /** Asked before each connection. */
  will?: () => Will;
  /** Filters subscribed to, at QoS 1 if possible, after each connection and before `onConnect`. */
  subscriptions: (limits: BrokerLimits) => string[];
  onConnect: () => void;
  onDisconnect: () => void;
  onMessage: (message: Message) => void;
  log: Logger;
  random?: () => number;
  nowMs?: () => number;
};

/**
 * A connection to a broker that comes back by itself.
 *
 * INVARIANTS
 * - At most one client exists at a time, and a client is never used again once it has closed: so nothing waits in the
 *   mqtt library's queue, which knows no bound.
 * - `onConnect` and `onDisconnect` alternate, beginning with `onConnect`.
 * - After `stop()` has been called no callback is called.
 */
export type BrokerLink = {
  /** Resolves when the first attempt is over, whatever came of it; then keeps trying until `stop()`. */
  start(): Promise<void>;
  /**
   * Resolves when the broker has the message (QoS 1) or the socket took it (QoS 0). What the broker does not support (QoS 1,
   * retaining) is left out. Rejects if there is no connection, and with a `PacketTooLargeError` if the broker takes no packet that large.
   */
  publish(message: Outgoing): Promise<void>;
  /** Says goodbye, so that the broker does not publish the last will. Ends within `limitMs`. */
  stop(limitMs?: number): Promise<void>;
  /** True from `onConnect` on, until the connection is lost. */
  readonly connected: boolean;
  /** The version in use, or the one that worked last. */
  readonly version: ProtocolVersion | null;
  /** What the broker allows on this connection; null without one. */
  readonly limits: BrokerLimits | null;
};

/** The broker takes no packet as large as this message. */
export class PacketTooLargeError extends RangeError {
  override name = 'PacketTooLargeError';
}

/** Prepares a link. Throws a TypeError where `access` cannot be used. */
export function createBrokerLink(options: LinkOptions): BrokerLink {
  const { access, log } = options;
  const url = checkAccess(access);
  const random = options.random ?? Math.random;
  const nowMs = options.nowMs ?? (() => performance.now());
  const stopping = new AbortController();
  let client: MqttClient | null = null;
  /** Between `onConnect` and `onDisconnect`. */
  let usable = false;
  let version: ProtocolVersion | null = null;
  let toldFailure = '';
  let toldLacks = '';
  let limits: BrokerLimits | null = null;
  let abstain: Abstention = noAbstention;
  let drops = 0;
  let inFlight = 0;
  let held: (() => void)[] = [];

  const attemptIn = (wanted: ProtocolVersion): Promise<Attempt> =>
    connectOnce({
      access,
      version: wanted,
      clientId: options.clientId,
      keepaliveS: options.keepaliveS,
      will: options.will?.(),
      abstain,
      nowMs,
      signal: stopping.signal,
    });

  /** The version that worked last first, MQTT 5 where none has; then the other one, where the broker refuses. */
  async function attempt(): Promise<Attempt> {
    const first = version ?? 5;
    let result = await attemptIn(first);
    // Once for each thing that can be left out.
    for (let i = 0; i < 2 && result.outcome === 'lacks' && !stopping.signal.aborted; i += 1) {
      abstain = abstainMore(abstain, result.code);
      result = await attemptIn(first);
    }
    if (result.outcome !== 'other-version' || stopping.signal.aborted) return result;
    log.debug({ version: first, why: result.error.message }, 'the broker refuses this version of MQTT');
    const other = await attemptIn(first === 5 ? 4 : 5);
    if (other.outcome !== 'other-version') return other;
    noteDrop(undefined);
    return { outcome: 'failed', error: other.error };
  }

  /** Resolves when the connection is over; calls `ready` when it can be used. */
  function use(attempted: Extract<Attempt, { outcome: 'connected' }>, ready: () => void): Promise<void> {
    const current = attempted.client;
    client = current;
    version = attempted.version;
    const allowed = attempted.limits;
    limits = allowed;
    inFlight = 0;
    held = [];
    toldFailure = '';
    log.info({ broker: url.shown, mqtt: version === 5 ? '5' : '3.1.1' }, 'connected to the broker');
    const lacks = describeLacks(allowed);
    if (lacks !== null && lacks !== toldLacks) {
      toldLacks = lacks;
      log.warn({ broker: url.shown }, `the broker offers less than MQTT can: ${lacks}`);
    }
    /** The broker has acknowledged a publication: it can live with what this link sends. */
    let acknowledged = false;
    const sinceMs = nowMs();
    current.on('packetreceive', ({ cmd }) => {
      if (cmd !== 'puback') return;
      acknowledged = true;
      drops = 0;
    });
    return new Promise((resolve) => {
      // It may be over already: its events would be missed.
      if (!current.connected) {
        client = null;
        current.end(true);
        ready();
        resolve();
        return;
      }
      let lost = 'the connection closed';
      current.on('error', (error) => {
        lost = error.message;
        // A stream that cannot be parsed stays open otherwise.
        current.end(true);
      });
      let reasonCode: number | undefined;
      current.on('disconnect', (packet) => {
        reasonCode = packet.reasonCode;
        lost = reasonCode === 0x8e ? `another client calls itself ${options.clientId}` : lost;
      });
      current.on('message', (topic, payload, packet) => {
        if (client === current && !stopping.signal.aborted)
          options.onMessage(readMessage(topic, payload, packet));
      });
      let told = false;
      current.once('close', () => {
        if (client === current) client = null;
        usable = false;
        limits = null;
        current.end(true);
        if (told && !acknowledged && nowMs() - sinceMs < settledMs) noteDrop(reasonCode);
        for (const go of held.splice(0)) go();
        if (!stopping.signal.aborted) {
          log.warn({ broker: url.shown, why: lost }, 'lost the broker');
          if (told) options.onDisconnect();
        }
        ready();
        resolve();
      });
      const subscribed = () => {
        if (client !== current || stopping.signal.aborted || told) return;
        told = true;
        usable = true;
        options.onConnect();
        ready();
      };
      const filters = options.subscriptions(allowed);
      if (filters.length === 0) subscribed();
      else
        current.subscribe(filters, { qos: allowed.maxQos }, (error) => {
          if (error && client === current)
            log.warn({ broker: url.shown, why: error.message }, 'the broker refuses a subscription');
          subscribed();
        });
    });
  }

  /**
   * A broker of MQTT 3.1.1 cannot say why it drops a connection. One that drops each as soon as something is published may
   * not take retained messages, or QoS 1: they are left out, one after the other, until a connection lasts.
   */
  function noteDrop(reasonCode: number | undefined): void {
    drops += 1;
    if (options.will === undefined || (drops < dropsMax && !isRefusedFeature(reasonCode))) return;
    drops = 0;
    abstain = abstainMore(abstain, reasonCode);
  }

  /** Waits until the broker takes one more unacknowledged publication (MQTT 5, receive maximum). */
  async function takeTurn(current: MqttClient, most: number): Promise<void> {
    while (client === current && inFlight >= most) await new Promise<void>((resolve) => held.push(resolve));
    if (client !== current) throw new Error('Cannot publish as the connection to the broker was lost');
    inFlight += 1;
  }

  async function publish(message: Outgoing): Promise<void> {
    const current = client;
    const allowed = limits;
    if (current === null || allowed === null || !current.connected)
      throw new Error('Cannot publish as there is no connection to the broker');
    if (!fits(allowed, message))
      throw new PacketTooLargeError(
        `Cannot publish on ${message.topic} as the broker takes packets of at most ${allowed.packetBytesMax} bytes: current payload has ${message.payload.length}; raise the broker's limit`,
      );
    const qos = message.qos <= allowed.maxQos ? message.qos : allowed.maxQos;
    const retain = (message.retain ?? false) && allowed.retain;
    const bytes = Buffer.from(message.payload);
    const packetOptions = publishOptions({ ...message, qos, retain }, version);
    if (qos === 0) {
      await current.publishAsync(message.topic, bytes, packetOptions);
      return;
    }
    if (inFlight >= allowed.inFlightMax) await takeTurn(current, allowed.inFlightMax);
    else inFlight += 1;
    try {
      await current.publishAsync(message.topic, bytes, packetOptions);
    } finally {
      if (client === current) {
        inFlight -= 1;
        held.shift()?.();
      }
    }
  }

  async function keepConnected(firstAttemptOver: () => void): Promise<void> {
    let failures = 0;
    while (!stopping.signal.aborted) {
      const attempted = await attempt();
      if (stopping.signal.aborted) {
        if (attempted.outcome === 'connected') attempted.client.end(true);
        return;
      }
      if (attempted.outcome === 'connected') {
        const sinceMs = nowMs();
        await use(attempted, firstAttemptOver);
        if (nowMs() - sinceMs >= settledMs) failures = 0;
      } else {
        firstAttemptOver();
        const why = attempted.error.message;
        // The same failure is told once, not at every attempt.
        const say = why === toldFailure ? log.debug : log.warn;
        toldFailure = why;
        say.call(log, { broker: url.shown, why }, 'cannot reach the broker; will keep trying');
      }
      const waitMs = backoffMs(failures, random);
      failures += 1;
      await delay(waitMs, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  }

  let running: Promise<void> = Promise.resolve();
  return {
    start() {
      return new Promise((resolve) => {
        running = keepConnected(resolve).finally(resolve);
      });
    },
    publish,
    async stop(limitMs = 500) {
      stopping.abort();
      const current = client;
      client = null;
      if (current !== null) {
        // A clean end waits for unanswered publications; a broker that does not answer gets the last will instead.
        const force = setTimeout(() => current.stream.destroy(), limitMs);
        await new Promise<void>((resolve) => {
          current.once('close', () => resolve());
          current.end();
        });
        clearTimeout(force);
      }
      await running;
    },
    get connected() {
      return usable && (client?.connected ?? false);
    },
    get version() {
      return version;
    },
    get limits() {
      return limits;
    },
  };
}

function readMessage(topic: string, payload: Buffer, packet: IPublishPacket): Message {
  return {
    topic,
    payload,
    retain: packet.retain,
    responseTopic: packet.properties?.responseTopic ?? null,
    correlationData: packet.properties?.correlationData ?? null,
  };
}

function publishOptions(message: Outgoing, version: ProtocolVersion | null): IClientPublishOptions {
  const options: IClientPublishOptions = { qos: message.qos, retain: message.retain ?? false };
  if (version !== 5) return options;
  const properties: NonNullable<IClientPublishOptions['properties']> = {};
  if (message.expiryS !== undefined) properties.messageExpiryInterval = message.expiryS;
  if (message.responseTopic !== undefined) properties.responseTopic = message.responseTopic;
  if (message.correlationData !== undefined)
    properties.correlationData = Buffer.from(message.correlationData);
  return { ...options, properties };
}
