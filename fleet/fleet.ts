import { randomUUID } from 'node:crypto';
import { authority, type ListenAddress, reachable } from '../listen/address.ts';
import { createHttpServer } from '../listen/http-server.ts';
import { requireToken } from '../listen/token.ts';
import { createBrokerLink } from '../wire/link/broker-link.ts';
import { hideCredentials } from '../wire/link/broker-url.ts';
import { clientIdOf } from '../wire/link/client-id.ts';
import type { Access, ProtocolVersion } from '../wire/link/connect-once.ts';
import type { Logger } from '../wire/link/logger.ts';
import { monitorFilters } from '../wire/topics.ts';
import { type EmbeddedBroker, startEmbeddedBroker } from './broker/embedded-broker.ts';
import { type Clock, createClock } from './clock.ts';
import { createCommander } from './commander.ts';
import type { FleetEvent } from './fleet-event.ts';
import { createApi } from './http/api.ts';
import { Roster } from './roster.ts';

const commandTimeoutMs = 5000;
const tickMs = 500;
const maxConnections = 200;

export type FleetOptions = {
  /** An absent one is waited for. */
  brokerUrl?: string;
  /** Starts a broker in this process instead. */
  embeddedBroker?: ListenAddress;
  /** User name, password and certificates for `brokerUrl`. */
  access?: Omit<Access, 'url'>;
  http: ListenAddress;
  /** Only this fleet; all where absent. */
  fleet?: string;
  /** Asked of HTTP clients and, by the embedded broker, of MQTT clients; must be there beyond loopback. */
  token?: string;
  log: Logger;
  keepaliveS?: number;
  commandTimeoutMs?: number;
  /** Called back from the very first event on. */
  onEvent?: (event: FleetEvent) => void;
  /** Ends the wait for the broker's first answer. */
  signal?: AbortSignal;
  clock?: Clock;
};

export type Fleet = {
  /** Where agents on this machine find the broker; without credentials. */
  brokerUrl: string;
  httpUrl: string;
  roster: Roster;
  clock: Clock;
  readonly brokerConnected: boolean;
  readonly brokerVersion: ProtocolVersion | null;
  /** Calls back for each event from now on; gives a function that ends it. */
  onEvent(callback: (event: FleetEvent) => void): () => void;
  stop(): Promise<void>;
};

/** Starts a monitor. Throws where a port is taken, a URL is wrong, or a token is missing beyond loopback; not where the broker is absent. */
export async function startFleet(options: FleetOptions): Promise<Fleet> {
  const { log, http, token } = options;
  const clock = options.clock ?? createClock();
  const { nowMs } = clock;
  if ((options.brokerUrl === undefined) === (options.embeddedBroker === undefined))
    throw new TypeError('Cannot start the monitor as it must have one broker: give a URL or an embedded one');
  requireToken('the HTTP server', http, token);
  const roster = new Roster();
  const callbacks = new Set<(event: FleetEvent) => void>(options.onEvent ? [options.onEvent] : []);
  const tell = (events: FleetEvent[]) => {
    for (const event of events) for (const callback of callbacks) callback(event);
  };
  const stops: (() => Promise<void>)[] = [];
  const stopAll = async () => {
    for (const stop of stops.splice(0).reverse()) await stop();
  };

  try {
    let embedded: EmbeddedBroker | null = null;
    if (options.embeddedBroker) {
      embedded = await startEmbeddedBroker({ address: options.embeddedBroker, token, log });
      stops.push(embedded.stop);
    }
    const url = embedded ? `mqtt://${authority(reachable(embedded.address))}` : (options.brokerUrl ?? '');
    const login = embedded && token !== undefined ? { username: 'fleet', password: token } : {};
    const link = createBrokerLink({
      access: { ...options.access, ...login, url },
      clientId: clientIdOf('monitor', randomUUID()),
      keepaliveS: options.keepaliveS ?? 10,
      subscriptions: ({ wildcards }) => {
        if (!wildcards)
          log.error({}, 'the broker allows no wildcard subscriptions: the monitor cannot see any device');
        return wildcards ? monitorFilters(options.fleet) : [];
      },
      onConnect: () => {
        roster.restartClocks(nowMs());
        tell([{ event: 'broker', state: 'connected' }]);
      },
      onDisconnect: () => tell([{ event: 'broker', state: 'lost' }]),
      onMessage: (message) => {
        commander.receive(message);
        tell(roster.receive(message, nowMs()));
      },
      log,
    });
    const commander = createCommander({ link, timeoutMs: options.commandTimeoutMs ?? commandTimeoutMs });
    const app = createApi({ roster, clock, commander, isConnected: () => link.connected, token });
    const server = createHttpServer({ app, address: http, token, maxConnections });
    stops.push(server.close);
    const httpUrl = await server.start();
    // Without the broker nothing is heard of anybody: silence then says nothing about the devices.
    const ticker = setInterval(() => {
      if (link.connected) tell(roster.tick(nowMs()));
    }, tickMs);
    stops.push(async () => clearInterval(ticker));
    stops.push(() => link.stop());
    const endWait = () => void link.stop();
    options.signal?.addEventListener('abort', endWait, { once: true });
    if (!options.signal?.aborted) await link.start();
    options.signal?.removeEventListener('abort', endWait);
    return {
      brokerUrl: hideCredentials(url),
      httpUrl,
      roster,
      clock,
      get brokerConnected() {
        return link.connected;
      },
      get brokerVersion() {
        return link.version;
      },
      onEvent(callback) {
        callbacks.add(callback);
        return () => callbacks.delete(callback);
      },
      stop: stopAll,
    };
  } catch (error) {
    await stopAll();
    throw error;
  }
}
