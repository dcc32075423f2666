import { createServer, type Socket } from 'node:net';
import { Aedes } from 'aedes';
import type { Logger } from '../../wire/link/logger.ts';
import { isLoopback, type ListenAddress, listen } from '../listen-address.ts';
import { isToken } from '../token.ts';
import { createPacketGuard } from './packet-guard.ts';

const defaults = { maxClients: 500, maxRetainedTopics: 5000, packetBytesMax: 300 * 1024 };
const connectTimeoutMs = 5000;
const topicBytesMax = 512;
const notAuthorized = 5; // MQTT 3.1.1, 3.2.2.3

export type EmbeddedBroker = { address: ListenAddress; stop(): Promise<void> };

/**
 * An MQTT 3.1.1 broker in this process (aedes), for a fleet that has no broker of its own. It keeps nothing on disk and
 * no session beyond its connection, so that absent clients cost no memory. Throws where it would listen beyond this
 * machine without a token; clients give the token as their password, with any user name.
 */
export async function startEmbeddedBroker(options: {
  address: ListenAddress;
  token: string | null;
  log: Logger;
  maxClients?: number;
  maxRetainedTopics?: number;
  packetBytesMax?: number;
}): Promise<EmbeddedBroker> {
  const { address, token, log } = options;
  const limits = { ...defaults, ...options };
  if (!isLoopback(address.host) && token === null)
    throw new Error(
      `Cannot start the embedded broker as it must have a token beyond loopback: current host is ${address.host}; give one with --token-file FILE`,
    );
  const retained = new Set<string>();
  const aedes = await Aedes.createBroker({
    connectTimeout: connectTimeoutMs,
    drainTimeout: 10_000,
    maxInflightInbound: 100,
    maxTopicLevels: 16,
    preConnect: (_client, packet, done) => {
      // Without lasting sessions nothing is queued for clients that are away.
      packet.clean = true;
      done(null, true);
    },
    authenticate: (_client, _user, password, done) => {
      if (token === null || (password !== undefined && isToken(password.toString(), token)))
        return done(null, true);
      done(Object.assign(new Error('wrong token'), { returnCode: notAuthorized }), null);
    },
    authorizePublish: (_client, packet, done) => {
      if (packet.topic.startsWith('$SYS/') || Buffer.byteLength(packet.topic) > topicBytesMax)
        return done(new Error('this topic is not open'));
      if (packet.retain) {
        if (packet.payload.length === 0) retained.delete(packet.topic);
        else if (retained.size >= limits.maxRetainedTopics && !retained.has(packet.topic))
          return done(new Error('too many retained topics'));
        else retained.add(packet.topic);
      }
      done(null);
    },
  });
  aedes.on('clientError', (client, error) =>
    log.debug({ client: client.id, why: error.message }, 'broker dropped a client'),
  );
  aedes.on('connectionError', (_client, error) =>
    log.debug({ why: error.message }, 'broker refused a connection'),
  );
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    aedes.handle(socket);
    const guard = createPacketGuard(limits.packetBytesMax);
    // aedes reads on 'readable'; a listener of 'data' sees each chunk just before aedes does.
    socket.on('data', (chunk: Buffer) => {
      if (!guard.accepts(chunk)) socket.destroy();
    });
  });
  server.maxConnections = limits.maxClients;
  let bound: ListenAddress;
  try {
    bound = await listen(server, 'the embedded broker', '--embedded-broker', address);
  } catch (error) {
    await new Promise<void>((resolve) => aedes.close(() => resolve()));
    throw error;
  }
  return {
    address: bound,
    async stop() {
      server.close();
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => aedes.close(() => resolve()));
    },
  };
}
