import { Server as HttpServer } from 'node:http';
import { createAdaptorServer } from '@hono/node-server';
import type { Hono } from 'hono';
import { type ListenAddress, listen } from '../listen-address.ts';

const maxConnections = 200;
const requestTimeoutMs = 10_000;

/** Serves `app`; gives the address with the true port. */
export async function serveHttp(options: {
  app: Hono;
  address: ListenAddress;
}): Promise<{ address: ListenAddress; stop(): Promise<void> }> {
  const server = createAdaptorServer({ fetch: options.app.fetch });
  if (!(server instanceof HttpServer))
    throw new Error('Cannot serve HTTP as the server must be one of HTTP/1.1');
  server.maxConnections = maxConnections;
  server.requestTimeout = requestTimeoutMs;
  server.headersTimeout = requestTimeoutMs;
  const address = await listen(server, 'the HTTP server', '--http', options.address);
  return {
    address,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
