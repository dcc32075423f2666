import { connect } from 'node:net';
import { Hono } from 'hono';
import { expect, it, onTestFinished } from 'vitest';
import { createHttpServer, type HttpServerOptions } from '../../listen/http-server.ts';
import { closed } from '../closed.ts';
import { until } from '../until.ts';

const anyPort = { host: '127.0.0.1', port: 0 };

function server(options: Partial<HttpServerOptions> = {}) {
  const app = new Hono().get('/', (context) => context.text('here'));
  const made = createHttpServer({ app, address: anyPort, token: undefined, ...options });
  onTestFinished(() => made.close());
  return made;
}

it('listens on a port that the system chooses and says which', async () => {
  const url = await server().start();
  expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  expect(await (await fetch(url)).text()).toBe('here');
});

it('names the cure where the port is taken or the host is not of this machine', async () => {
  const port = Number(new URL(await server().start()).port);
  await expect(server({ address: { ...anyPort, port } }).start()).rejects.toThrow(
    /HTTP server on 127\.0\.0\.1:\d+ as the port must be free.*another address with --http HOST:PORT/,
  );
  const token = 'a-token-of-some-length';
  await expect(server({ address: { host: '192.0.2.1', port: 0 }, token }).start()).rejects.toThrow(
    /one of this machine's addresses/,
  );
});

it('refuses to listen beyond loopback without a token', async () => {
  for (const host of ['0.0.0.0', '::', '192.168.0.1', 'example.org'])
    await expect(server({ address: { host, port: 0 } }).start()).rejects.toThrow(/must have a token/);
});

it('with a token it listens on all addresses and gives the one for this machine', async () => {
  const url = await server({
    address: { host: '0.0.0.0', port: 0 },
    token: 'a-token-of-some-length',
  }).start();
  expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  expect((await fetch(url)).status).toBe(200);
});

it('drain() lets a request that is under way be answered, and takes no other', async () => {
  let answer = () => {};
  const app = new Hono().get('/', async (context) => {
    await new Promise<void>((resolve) => {
      answer = resolve;
    });
    return context.text('late');
  });
  const made = server({ app });
  const url = await made.start();
  const response = fetch(url);
  const begun = answer;
  await until('the request has arrived', () => answer !== begun);
  made.drain();
  await expect(fetch(url)).rejects.toThrow();
  answer();
  expect(await (await response).text()).toBe('late');
});

it('close() before, during and after the start leaves nothing that listens', async () => {
  await server().close();
  const made = server();
  const starting = made.start();
  await made.close();
  await expect(fetch(await starting)).rejects.toThrow();
  await made.close();
});

it('cuts off a client that sends its request drop by drop', async () => {
  const url = new URL(await server({ requestTimeoutMs: 50 }).start());
  const socket = connect(Number(url.port), url.hostname);
  const gone = closed(socket);
  socket.on('error', () => {});
  socket.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nx');
  socket.resume();
  await gone;
});

it('survives what is no HTTP', async () => {
  const url = new URL(await server().start());
  for (const garbage of ['\0\0\0\0', 'GET\r\n\r\n', `GET / HTTP/1.1\r\nX: ${'y'.repeat(100_000)}\r\n\r\n`]) {
    const socket = connect(Number(url.port), url.hostname);
    const gone = closed(socket);
    socket.on('error', () => {});
    socket.write(garbage);
    socket.resume();
    await gone;
  }
  expect((await fetch(url)).status).toBe(200);
});
