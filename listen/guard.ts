import type { Context, MiddlewareHandler } from 'hono';
import { isLocalName } from './loopback.ts';
import { isAuthorized } from './token.ts';

/**
 * Whether a page of another site sends this request: browsers name the page's origin with every request that may change something
 * (https://fetch.spec.whatwg.org/#origin-header; https://www.w3.org/TR/fetch-metadata/#sec-fetch-site-header). Programs send neither header.
 */
function isFromOtherSite({ req }: Context): boolean {
  if (req.method === 'GET' || req.method === 'HEAD') return false;
  if (req.header('sec-fetch-site') === 'cross-site') return true;
  const origin = req.header('origin');
  if (origin === undefined) return false;
  return !URL.canParse(origin) || new URL(origin).host !== req.header('host');
}

/**
 * Hono middleware that lets in whoever gives the token. Without a token it lets in whoever calls this machine by a name of its own,
 * unless a page of another site does, which no user has asked to. Others are answered 401 or 403 with the cure, as `{ "error": TEXT }`.
 * @param options.isOpen which paths answer everybody, such as those of health checks.
 */
export function createGuard(options: {
  token: string | undefined;
  isOpen: (path: string) => boolean;
}): MiddlewareHandler {
  const { token, isOpen } = options;
  return async (context, next) => {
    if (isOpen(context.req.path)) return next();
    if (token === undefined) {
      const host = context.req.header('host');
      if (isLocalName(host)) {
        if (!isFromOtherSite(context)) return next();
        return context.json(
          {
            error: `Cannot answer as without a token a web page must come from this address to send requests: current value of Origin is ${JSON.stringify(context.req.header('origin')?.slice(0, 100) ?? 'absent')}; start it with --token-file FILE or EBB_TOKEN and send the token`,
          },
          403,
        );
      }
      const current = host === undefined ? 'absent' : JSON.stringify(host.slice(0, 100));
      return context.json(
        {
          error: `Cannot answer as without a token the header Host must name this machine: current value is ${current}; call it by localhost or 127.0.0.1, or start it with --token-file FILE or EBB_TOKEN`,
        },
        403,
      );
    }
    if (isAuthorized(context.req.header('authorization'), token)) return next();
    context.header('WWW-Authenticate', 'Bearer');
    return context.json(
      { error: 'Cannot answer as the header Authorization must carry the token; send "Bearer TOKEN"' },
      401,
    );
  };
}
