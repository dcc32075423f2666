import { createServer, type Server } from 'node:http';
import { getRequestListener } from '@hono/node-server';
import type { Hono } from 'hono';
import { authority, type ListenAddress, reachable } from './address.ts';
import { listen } from './listen.ts';
import { spreadOverTurns } from './spread-over-turns.ts';

/** A millisecond or two of work; a turn itself takes some hundredths of one. */
const requestsPerTurn = 4;

export type HttpServerOptions = {
  app: Pick<Hono, 'fetch'>;
  address: ListenAddress;
  /** What `app` asks of its clients. */
  token: string | undefined;
  /** A request must have arrived whole within so long. Default 10 s. */
  requestTimeoutMs?: number;
  /** Default 1024; more are turned away. */
  maxConnections?: number;
};

export type HttpServer = {
  /** @returns the URL for a client on this machine, `http://HOST:PORT`. @throws Error where the port is taken, or the host needs a token. */
  start(): Promise<string>;
  /** Takes no more connections; those that are idle end now, the others after their answer or `close`. */
  drain(): void;
  /** Ends everything. */
  close(): Promise<void>;
};

/** Serves `app`; slow and idle clients are cut off, so that they cannot hold connections for ever. */
export function createHttpServer(options: HttpServerOptions): HttpServer {
  const { app, address, token, requestTimeoutMs = 10_000, maxConnections = 1024 } = options;
  let listening: Promise<{ server: Server; url: string }> | undefined;

  async function open(): Promise<{ server: Server; url: string }> {
    const server = createServer(
      {
        headersTimeout: Math.min(requestTimeoutMs, 5000),
        requestTimeout: requestTimeoutMs,
        // How often the two limits above are looked at.
        connectionsCheckingInterval: Math.min(1000, requestTimeoutMs),
        keepAliveTimeout: 30_000,
        maxHeaderSize: 16 * 1024,
      },
      spreadOverTurns(getRequestListener(app.fetch, { overrideGlobalObjects: false }), requestsPerTurn),
    );
    server.maxConnections = maxConnections;
    // A client that does not read its answer is cut off too.
    server.setTimeout(60_000);
    const bound = await listen({ server, what: 'the HTTP server', flag: '--http', address, token });
    return { server, url: `http://${authority(reachable(bound))}` };
  }

  return {
    async start() {
      listening ??= open();
      return (await listening).url;
    },
    // Both wait for a start that is under way: a server that is closed before it listens would listen afterwards.
    drain() {
      listening?.then(
        ({ server }) => void server.close(),
        () => {},
      );
    },
    async close() {
      const server = (await listening?.catch(() => undefined))?.server;
      if (server === undefined) return;
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
    },
  };
}
