import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { Hono } from 'hono';
import { expect, it, onTestFinished } from 'vitest';
import { createHttpServer, type HttpServerOptions } from '../../../agent/serve/http-server.ts';
import { isAuthorized, isLoopback, readToken } from '../../../agent/serve/token.ts';
import { temporaryFolder } from '../../temporary-folder.ts';

function server(options: Partial<HttpServerOptions> = {}) {
  const app = new Hono().get('/', (context) => context.text('here'));
  const made = createHttpServer({
    app,
    host: '127.0.0.1',
    port: 0,
    hasToken: false,
    requestTimeoutMs: 10_000,
    ...options,
  });
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
  await expect(server({ port }).start()).rejects.toThrow(
    /another program listens there; choose another port/,
  );
  await expect(server({ host: '192.0.2.1', hasToken: true }).start()).rejects.toThrow(/no such address/);
});

it('refuses to listen beyond loopback without a token', async () => {
  for (const host of ['0.0.0.0', '::', '192.168.0.1', 'example.org', '127.0.0.1.example.org'])
    await expect(server({ host }).start()).rejects.toThrow(/needs a token/);
  for (const host of ['127.0.0.1', '127.8.9.1', 'localhost', '::1', '[::1]'])
    expect(isLoopback(host)).toBe(true);
});

it('cuts off a client that sends its request drop by drop', async () => {
  const url = new URL(await server({ requestTimeoutMs: 50 }).start());
  const socket = connect(Number(url.port), url.hostname);
  socket.on('error', () => {});
  socket.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nx');
  socket.resume();
  await once(socket, 'close');
});

it('survives what is no HTTP', async () => {
  const url = new URL(await server().start());
  for (const garbage of ['\0\0\0\0', 'GET\r\n\r\n', `GET / HTTP/1.1\r\nX: ${'y'.repeat(100_000)}\r\n\r\n`]) {
    const socket = connect(Number(url.port), url.hostname);
    socket.on('error', () => {});
    socket.write(garbage);
    socket.resume();
    await once(socket, 'close');
  }
  expect((await fetch(url)).status).toBe(200);
});

it('a token comes from a file or from the environment, and must be long enough', async () => {
  const file = join(await temporaryFolder(), 'token');
  await writeFile(file, '0123456789abcdef\n');
  expect(await readToken({ file, env: {} })).toBe('0123456789abcdef');
  expect(await readToken({ env: { EBB_TOKEN: 'x'.repeat(20) } })).toBe('x'.repeat(20));
  expect(await readToken({ env: {} })).toBeUndefined();
  await expect(readToken({ env: { EBB_TOKEN: 'short' } })).rejects.toThrow(/at least 16 characters/);
  await writeFile(file, '');
  await expect(readToken({ file, env: {} })).rejects.toThrow(/at least 16/);
  await expect(readToken({ file: `${file}x`, env: {} })).rejects.toThrow(/ENOENT/);
});

it('a token must match as a whole', () => {
  expect(isAuthorized('Bearer abc', 'abc')).toBe(true);
  for (const header of [
    undefined,
    '',
    'Bearer',
    'Bearer ',
    'Bearer ab',
    'Bearer abcd',
    'abc',
    'Bearer abc d',
  ])
    expect(isAuthorized(header, 'abc')).toBe(false);
});
