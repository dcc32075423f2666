import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import type { Hono } from 'hono';
import { isLoopback } from './token.ts';

export type HttpServerOptions = {
  app: Hono;
  host: string;
  /** 0 lets the system choose. */
  port: number;
  hasToken: boolean;
  /** A request must have arrived whole within so long. */
  requestTimeoutMs: number;
};

export type HttpServer = {
  /** @returns the address, `http://HOST:PORT`. @throws Error where the port is taken, or the host needs a token. */
  start(): Promise<string>;
  /** Takes no more connections; those that are idle end now, the others after their answer or `close`. */
  drain(): void;
  /** Ends everything. */
  close(): Promise<void>;
};

const listenErrors: Record<string, string> = {
  EADDRINUSE: 'another program listens there; choose another port with --http HOST:PORT, 0 for any free one',
  EACCES: 'this user may not listen there; choose a port above 1023',
  EADDRNOTAVAIL: 'this machine has no such address; choose one of its own, such as 127.0.0.1',
  ENOTFOUND: 'the host is unknown; choose an address of this machine, such as 127.0.0.1',
};

/** Serves `app`; slow and idle clients are cut off, so that they cannot hold connections for ever. */
export function createHttpServer(options: HttpServerOptions): HttpServer {
  const { app, host, port, hasToken, requestTimeoutMs } = options;
  let listening: Promise<{ server: Server; url: string }> | undefined;

  async function listen(): Promise<{ server: Server; url: string }> {
    if (!isLoopback(host) && !hasToken)
      throw new Error(
        `Cannot listen on "${host}" as a host beyond loopback needs a token: give --token-file FILE or EBB_TOKEN, or listen on 127.0.0.1`,
      );
    const server = createServer(
      {
        headersTimeout: Math.min(requestTimeoutMs, 5000),
        requestTimeout: requestTimeoutMs,
        // How often the two limits above are looked at.
        connectionsCheckingInterval: Math.min(1000, requestTimeoutMs),
        keepAliveTimeout: 30_000,
        maxHeaderSize: 16 * 1024,
      },
      getRequestListener(app.fetch, { overrideGlobalObjects: false }),
    );
    server.maxConnections = 1024;
    // A client that does not read its answer is cut off too.
    server.setTimeout(60_000);
    await new Promise<void>((resolve, reject) => {
      server.once('error', (cause: NodeJS.ErrnoException) =>
        reject(
          new Error(`Cannot listen on ${host}:${port}: ${listenErrors[cause.code ?? ''] ?? cause.message}`, {
            cause,
          }),
        ),
      );
      server.listen(port, host.replace(/^\[|\]$/g, ''), resolve);
    });
    // Such as EMFILE on accept: the connection is lost, the agent is not.
    server.on('error', () => {});
    const { address, family, port: chosen } = server.address() as AddressInfo;
    return { server, url: `http://${family === 'IPv6' ? `[${address}]` : address}:${chosen}` };
  }

  return {
    async start() {
      listening ??= listen();
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
      const listened = await listening?.catch(() => undefined);
      listened?.server.close();
      listened?.server.closeAllConnections();
    },
  };
}
