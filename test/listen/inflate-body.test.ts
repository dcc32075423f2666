import { deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { inflateBody } from '../../listen/inflate-body.ts';
import { binary, serve } from '../agent/serve/serve-app.ts';

const tensor = { name: 'image', shape: [1, 1, 8, 8], datatype: 'FP32' };
const inputs = [{ ...tensor, data: new Array(64).fill(0.5) }];

describe('compressed requests', () => {
  const { post } = serve();
  const encodings = { gzip: gzipSync, 'x-gzip': gzipSync, GZIP: gzipSync, deflate: deflateSync };

  it('are answered as if they were not, with JSON and with bytes behind it, whose header counts what comes out', async () => {
    const bytes = new Uint8Array(new Float32Array(64).fill(0.5).buffer);
    const json = Buffer.from(JSON.stringify({ inputs }));
    const mixed = binary({ inputs: [{ ...tensor, parameters: { binary_data_size: 256 } }] }, bytes);
    for (const { body, headers } of [{ body: json, headers: {} }, mixed]) {
      const plain = await (await post(body, { headers })).text();
      for (const [encoding, compress] of Object.entries(encodings)) {
        const response = await post(compress(body), {
          headers: { ...headers, 'Content-Encoding': encoding },
        });
        expect([response.status, await response.text()]).toEqual([200, plain]);
      }
      const identity = await post(body, { headers: { ...headers, 'Content-Encoding': 'identity' } });
      expect(await identity.text()).toBe(plain);
    }
  });

  it('of another encoding are refused with 415 and those that are known', async () => {
    for (const encoding of ['br', 'zstd', 'gzip, gzip', '__proto__']) {
      const response = await post('x', { headers: { 'Content-Encoding': encoding } });
      expect([response.status, response.headers.get('accept-encoding')]).toEqual([415, 'gzip, deflate']);
      expect(((await response.json()) as { error: string }).error).toContain(encoding);
    }
  });

  it('that are broken, cut short or of the other format are refused with 400', async () => {
    const whole = gzipSync(JSON.stringify({ inputs }));
    const broken: [string, Buffer][] = [
      ['gzip', Buffer.from('{"inputs":[]}')],
      ['gzip', whole.subarray(0, -9)],
      ['gzip', Buffer.alloc(0)],
      ['deflate', whole],
      ['deflate', deflateRawSync('{}')],
    ];
    for (const [encoding, body] of broken) {
      const response = await post(body, { headers: { 'Content-Encoding': encoding } });
      expect(response.status).toBe(400);
      expect(((await response.json()) as { error: string }).error).toMatch(`whole ${encoding} data`);
    }
  });

  it('that would grow beyond the limit are refused with 413 and the limit', async () => {
    for (const [encoding, bomb] of [
      ['gzip', gzipSync(Buffer.alloc(10_000_000))],
      ['deflate', deflateSync(Buffer.alloc(10_000_000))],
      // Members one behind the other count together.
      ['gzip', Buffer.concat([gzipSync(Buffer.alloc(15_000)), gzipSync(Buffer.alloc(15_000))])],
    ] as const) {
      const response = await post(bomb, { headers: { 'Content-Encoding': encoding } });
      expect(response.status).toBe(413);
      expect(((await response.json()) as { error: string }).error).toMatch(
        /at most 20000 bytes once inflated/,
      );
    }
  });
});

it('whatever was compressed comes out whole, up to the very limit and never above it', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ minLength: 1, maxLength: 3000 }),
      fc.constantFrom(['gzip', gzipSync] as const, ['deflate', deflateSync] as const),
      async (bytes, [encoding, compress]) => {
        const body = compress(bytes);
        expect(await inflateBody(body, encoding, { limitBytes: bytes.length, cure: 'send less' })).toEqual(
          Buffer.from(bytes),
        );
        if (bytes.length > 1)
          await expect(
            inflateBody(body, encoding, { limitBytes: bytes.length - 1, cure: 'send less' }),
          ).rejects.toMatchObject({ status: 413 });
      },
    ),
    { numRuns: 50 },
  );
});
