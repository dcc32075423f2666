import type { IncomingMessage } from 'node:http';
import type { HttpBindings } from '@hono/node-server';
import type { Context } from 'hono';
import { RequestError } from './request-error.ts';

/** A longer body is claimed sooner than sent: its memory is taken as it comes. */
const quickBytes = 1024 * 1024;

/** How large a body may be, and what a client does about a larger one. */
export type BodyLimit = { limitBytes: number; cure: string };

function refuse({ limitBytes, cure }: BodyLimit, bytes: string): never {
  throw new RequestError(
    413,
    `Cannot read the request as its body must hold at most ${limitBytes} bytes: current value is ${bytes}; ${cure}`,
  );
}

/**
 * Reads a body whose length is known straight into its place: what the web's Request does takes two copies more, and their garbage lets V8
 * collect all of its heap, several times a second under load.
 */
function readInPlace(incoming: IncomingMessage, length: number, alignAt: number): Promise<Buffer> {
  const before = Number.isSafeInteger(alignAt) ? (4 - (Math.abs(alignAt) % 4)) % 4 : 0;
  const body = Buffer.from(new ArrayBuffer(before + length), before, length);
  let filled = 0;
  return new Promise((resolve, reject) => {
    const brokenOff = () => reject(new Error(`it ended after ${filled} of ${length} bytes`));
    incoming.on('data', (chunk: Buffer) => {
      filled += chunk.copy(body, filled);
    });
    incoming.once('end', () => (filled === length ? resolve(body) : brokenOff()));
    incoming.once('error', reject);
    incoming.once('close', brokenOff);
  });
}

/** Node's own request, where there is one that nobody has read from and that still is to be read. */
function unreadRequest(context: Context): IncomingMessage | undefined {
  const { incoming } = (context.env ?? {}) as Partial<HttpBindings>;
  return incoming && !incoming.destroyed && !incoming.readableDidRead
    ? (incoming as IncomingMessage)
    : undefined;
}

/**
 * Reads a request's body, never more than `limitBytes` of it, whatever its headers claim.
 * @param options.alignAt the byte of the body that shall stand at an address of a multiple of four, where that costs nothing. Default 0.
 * @throws RequestError 413 above the limit, 400 where the body breaks off.
 */
export async function readBody(
  context: Context,
  limit: BodyLimit,
  options: { alignAt?: number } = {},
): Promise<Buffer> {
  const { limitBytes } = limit;
  const { alignAt = 0 } = options;
  const request = context.req.raw;
  const claimed = request.headers.get('content-length');
  if (claimed !== null && Number(claimed) > limitBytes) refuse(limit, claimed);
  try {
    if (claimed !== null) {
      // With a length the HTTP parser itself stops there.
      const incoming = Number(claimed) <= quickBytes ? unreadRequest(context) : undefined;
      if (incoming) return await readInPlace(incoming, Number(claimed), alignAt);
      return Buffer.from(await request.arrayBuffer());
    }
    if (request.body === null) return Buffer.alloc(0);
    const chunks: Uint8Array[] = [];
    let length = 0;
    for await (const chunk of request.body) {
      length += chunk.length;
      if (length > limitBytes) refuse(limit, `more than ${limitBytes}`);
      chunks.push(chunk);
    }
    return Buffer.concat(chunks, length);
  } catch (cause) {
    if (cause instanceof RequestError) throw cause;
    throw new RequestError(
      400,
      'Cannot read the request as its body must be whole: it broke off; send it again',
      {
        cause,
      },
    );
  }
}
