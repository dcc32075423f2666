import { RequestError } from './request-error.ts';

function refuse(limitBytes: number, bytes: string): never {
  throw new RequestError(
    413,
    `Cannot read the request as its body must hold at most ${limitBytes} bytes: current value is ${bytes}; send fewer inputs at a time or raise http.max_body_bytes in the profile`,
  );
}

/**
 * Reads a request's body, never more than `limitBytes` of it, whatever its headers claim.
 * @throws RequestError 413 above the limit, 400 where the body breaks off.
 */
export async function readBody(request: Request, limitBytes: number): Promise<Buffer> {
  const claimed = request.headers.get('content-length');
  if (claimed !== null && Number(claimed) > limitBytes) refuse(limitBytes, claimed);
  try {
    // With a length the HTTP parser itself stops there: the fast way is safe.
    if (claimed !== null) return Buffer.from(await request.arrayBuffer());
    if (request.body === null) return Buffer.alloc(0);
    const chunks: Uint8Array[] = [];
    let length = 0;
    for await (const chunk of request.body) {
      length += chunk.length;
      if (length > limitBytes) refuse(limitBytes, `more than ${limitBytes}`);
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
