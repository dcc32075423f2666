import { once } from 'node:events';
import { connect } from 'node:net';
import { Hono } from 'hono';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createHttpServer } from '../../listen/http-server.ts';
import { readBody } from '../../listen/read-body.ts';
import { until } from '../until.ts';

/** A server that reads bodies; `outcomes` holds each, or why there is none. */
async function serve(options: { limitBytes: number; alignAt?: number }) {
  const outcomes: (Buffer | Error)[] = [];
  const app = new Hono();
  app.post('/', async (context) => {
    const outcome = await readBody(
      context,
      { limitBytes: options.limitBytes, cure: 'send less' },
      options,
    ).catch((error: Error) => error);
    outcomes.push(outcome);
    return context.text('read');
  });
  const address = { host: '127.0.0.1', port: 0 };
  const server = createHttpServer({ app, address, token: undefined, requestTimeoutMs: 10_000 });
  const url = await server.start();
  onTestFinished(() => server.close());
  return { url, outcomes };
}

const bytes = (count: number) => Uint8Array.from({ length: count }, (_, i) => (i * 7) % 251);

describe('readBody()', () => {
  it.each([0, 1, 2, 3, 101, -3, Number.NaN, Number.POSITIVE_INFINITY, 0.5])(
    'reads what was sent, and aligns it at byte %d where that is a byte',
    async (alignAt) => {
      const { url, outcomes } = await serve({ limitBytes: 1e6, alignAt });
      const sent = bytes(200_003);
      await fetch(url, { method: 'POST', body: sent });
      const body = outcomes[0] as Buffer;
      expect(Buffer.compare(body, sent)).toBe(0);
      if (Number.isInteger(alignAt) && alignAt >= 0) expect((body.byteOffset + alignAt) % 4).toBe(0);
    },
  );

  it('reads an empty body, a long one, and one without a length', async () => {
    const { url, outcomes } = await serve({ limitBytes: 4e6 });
    const long = bytes(3_000_000);
    const stream = new ReadableStream({
      start(controller) {
        controller.enqueue(bytes(10));
        controller.close();
      },
    });
    await fetch(url, { method: 'POST', body: '' });
    await fetch(url, { method: 'POST', body: long });
    await fetch(url, { method: 'POST', body: stream, duplex: 'half' } as RequestInit);
    const read = outcomes.map((body) => Buffer.from(body as Buffer));
    expect(read.map(({ length }) => length)).toEqual([0, 3_000_000, 10]);
    expect(Buffer.compare(read[1]!, long)).toBe(0);
  });

  it.each([1000, 2_000_000])('refuses one of %d bytes that breaks off', async (length) => {
    const { url, outcomes } = await serve({ limitBytes: 4e6 });
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    await once(socket, 'connect');
    socket.write(`POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ${length}\r\n\r\npart`);
    await new Promise((resolve) => setTimeout(resolve, 50));
    socket.destroy();
    await until('it is refused', () => outcomes.length > 0);
    expect(outcomes[0]).toMatchObject({ status: 400, message: expect.stringMatching(/it broke off/) });
  });

  it('refuses one that claims to be longer than is allowed, and one that is', async () => {
    const { url, outcomes } = await serve({ limitBytes: 100 });
    await fetch(url, { method: 'POST', body: bytes(101) });
    expect(outcomes[0]).toMatchObject({ status: 413, message: expect.stringMatching(/at most 100 bytes/) });
  });
});
