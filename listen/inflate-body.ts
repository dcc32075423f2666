import { promisify } from 'node:util';
import { gunzip, inflate } from 'node:zlib';
import type { Context } from 'hono';
import { type BodyLimit, readBody } from './read-body.ts';
import { RequestError } from './request-error.ts';

/** `deflate` is the zlib format (RFC 9110, 8.4.1.2), `x-gzip` another name of `gzip` (8.4.1.3). */
const inflaters = new Map([
  ['gzip', promisify(gunzip)],
  ['x-gzip', promisify(gunzip)],
  ['deflate', promisify(inflate)],
]);

/** What a client may send, for the header `Accept-Encoding` of a refusal (RFC 9110, 12.5.3). */
export const acceptedEncodings = 'gzip, deflate';

/**
 * Undoes a body's compression, off the event loop; never more than `limitBytes` come out, whatever the body claims.
 * @param encoding the header `Content-Encoding`.
 * @returns `body` itself where it is not compressed.
 * @throws RequestError 415 for another encoding, 413 above the limit, 400 where the data is broken.
 */
export async function inflateBody(
  body: Buffer,
  encoding: string | undefined,
  { limitBytes, cure }: BodyLimit,
): Promise<Buffer> {
  const name = encoding?.trim().toLowerCase() || 'identity';
  if (name === 'identity') return body;
  const inflateWhole = inflaters.get(name);
  if (inflateWhole === undefined)
    throw new RequestError(
      415,
      `Cannot read the request as its Content-Encoding must be gzip or deflate: current value is ${JSON.stringify(name.slice(0, 100))}; send the body so, or as it is`,
    );
  try {
    return await inflateWhole(body, { maxOutputLength: limitBytes });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE')
      throw new RequestError(
        413,
        `Cannot read the request as its body must hold at most ${limitBytes} bytes once inflated: current value is more; ${cure}`,
        { cause },
      );
    const format = name === 'deflate' ? 'deflate data in zlib format' : 'gzip data';
    throw new RequestError(
      400,
      `Cannot read the request as its body must be whole ${format}, as its Content-Encoding says: ${(cause as Error).message}; compress it anew`,
      { cause },
    );
  }
}

/**
 * Reads a request's body and undoes its compression, whatever its Content-Type says: the guard keeps out pages of other sites.
 * @throws RequestError as `readBody` and `inflateBody` do.
 */
export async function readPlainBody(context: Context, limit: BodyLimit): Promise<Buffer> {
  return inflateBody(await readBody(context, limit), context.req.header('content-encoding'), limit);
}
