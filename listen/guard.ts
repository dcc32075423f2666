import type { MiddlewareHandler } from 'hono';
import { isLocalName } from './loopback.ts';
import { isAuthorized } from './token.ts';

/**
 * Hono middleware that lets in whoever gives the token; without a token, whoever calls this machine by a name of its own.
 * Others are answered 401 or 403 with the cure, as `{ "error": TEXT }`.
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
      if (isLocalName(host)) return next();
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
