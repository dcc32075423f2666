import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect as connectSocket, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Aedes } from 'aedes';
import { connectAsync, type IClientOptions, type IPublishPacket } from 'mqtt';
import type { Logger } from '../../wire/link/logger.ts';
import { until } from '../until.ts';

const mosquittoPath = '/usr/sbin/mosquitto';

/** False where the tests that need a broker of MQTT 5 have to skip. */
export const hasMosquitto = existsSync(mosquittoPath);

export type TestBroker = { url: string; port: number; stop(): Promise<void> };

async function listen(server: ReturnType<typeof createServer>, port: number): Promise<number> {
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

export async function freePort(): Promise<number> {
  const server = createServer();
  const port = await listen(server, 0);
  server.close();
  await once(server, 'close');
  return port;
}

/** A broker of MQTT 3.1.1 in this process. */
export async function startAedes(port = 0): Promise<TestBroker> {
  const aedes = await Aedes.createBroker();
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    aedes.handle(socket);
  });
  const bound = await listen(server, port);
  return {
    url: `mqtt://127.0.0.1:${bound}`,
    port: bound,
    async stop() {
      server.close();
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => aedes.close(() => resolve()));
    },
  };
}

/** A broker of MQTT 5 as a child process, to be killed hard. */
export async function startMosquitto(
  port: number,
  settings: string[] = [],
): Promise<TestBroker & { child: ChildProcess }> {
  const folder = await mkdtemp(join(tmpdir(), 'ebb-mosquitto-'));
  const config = join(folder, 'mosquitto.conf');
  const lines = [`listener ${port} 127.0.0.1`, 'allow_anonymous true', 'persistence false', ...settings, ''];
  await writeFile(config, lines.join('\n'));
  const child = spawn(mosquittoPath, ['-c', config], { stdio: 'ignore' });
  await until('mosquitto listens', async () => {
    const socket = connectSocket(port, '127.0.0.1');
    const open = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    });
    socket.destroy();
    return open;
  });
  return {
    url: `mqtt://127.0.0.1:${port}`,
    port,
    child,
    async stop() {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGKILL');
        await once(child, 'exit');
      }
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export type Seen = { topic: string; payload: Uint8Array; packet: IPublishPacket };

/** A plain client that remembers all that it sees. */
export async function openObserver(url: string, filter: string, options: IClientOptions = {}) {
  const client = await connectAsync(url, { protocolVersion: 4, reconnectPeriod: 50, ...options });
  const seen: Seen[] = [];
  client.on('message', (topic, payload, packet) => {
    seen.push({ topic, payload, packet });
  });
  client.on('error', () => undefined);
  await client.subscribeAsync(filter, { qos: 1 });
  return {
    seen,
    client,
    on: (topic: string) => seen.filter((message) => message.topic === topic),
    close: () => client.endAsync(true),
  };
}

/** A logger that remembers its lines. */
export function recordLog(): Logger & { lines: { level: string; text: string }[] } {
  const lines: { level: string; text: string }[] = [];
  const at = (level: string) => (fields: Record<string, unknown>, text: string) => {
    lines.push({ level, text: `${text} ${JSON.stringify(fields)}` });
  };
  return { lines, debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}
