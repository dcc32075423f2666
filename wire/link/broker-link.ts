import { setTimeout as delay } from 'node:timers/promises';
import type { IClientPublishOptions, IPublishPacket, MqttClient } from 'mqtt';
import { backoffMs } from './backoff.ts';
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
  /** Filters subscribed to, at QoS 1, after each connection and before `onConnect`. */
  subscriptions: string[];
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
  /** Resolves when the broker has the message (QoS 1) or the socket took it (QoS 0). Rejects where there is no connection. */
  publish(message: Outgoing): Promise<void>;
  /** Says goodbye, so that the broker does not publish the last will. Ends within `limitMs`. */
  stop(limitMs?: number): Promise<void>;
  /** True from `onConnect` on, until the connection is lost. */
  readonly connected: boolean;
  /** The version in use, or the one that worked last. */
  readonly version: ProtocolVersion | null;
};

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

  const attemptIn = (wanted: ProtocolVersion): Promise<Attempt> =>
    connectOnce({
      access,
      version: wanted,
      clientId: options.clientId,
      keepaliveS: options.keepaliveS,
      will: options.will?.(),
      nowMs,
      signal: stopping.signal,
    });

  /** The version that worked last first, MQTT 5 where none has; then the other one, where the broker refuses. */
  async function attempt(): Promise<Attempt> {
    const first = version ?? 5;
    const result = await attemptIn(first);
    if (result.outcome !== 'other-version' || stopping.signal.aborted) return result;
    log.debug({ version: first, why: result.error.message }, 'the broker refuses this version of MQTT');
    const other = await attemptIn(first === 5 ? 4 : 5);
    return other.outcome === 'other-version' ? { outcome: 'failed', error: other.error } : other;
  }

  /** Resolves when the connection is over; calls `ready` when it can be used. */
  function use(attempted: Extract<Attempt, { outcome: 'connected' }>, ready: () => void): Promise<void> {
    const current = attempted.client;
    client = current;
    version = attempted.version;
    toldFailure = '';
    log.info({ broker: url.shown, mqtt: version === 5 ? '5' : '3.1.1' }, 'connected to the broker');
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
      current.on('disconnect', (packet) => {
        lost = packet.reasonCode === 0x8e ? `another client calls itself ${options.clientId}` : lost;
      });
      current.on('message', (topic, payload, packet) => {
        if (client === current && !stopping.signal.aborted)
          options.onMessage(readMessage(topic, payload, packet));
      });
      let told = false;
      current.once('close', () => {
        if (client === current) client = null;
        usable = false;
        current.end(true);
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
      if (options.subscriptions.length === 0) subscribed();
      else
        current.subscribe(options.subscriptions, { qos: 1 }, (error) => {
          if (error && client === current)
            log.warn({ broker: url.shown, why: error.message }, 'the broker refuses a subscription');
          subscribed();
        });
    });
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
    publish(message) {
      const current = client;
      if (current === null || !current.connected)
        return Promise.reject(new Error('Cannot publish as there is no connection to the broker'));
      return current
        .publishAsync(message.topic, Buffer.from(message.payload), publishOptions(message, version))
        .then(() => undefined);
    },
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
