import type { Server } from 'node:net';
import { authority, type ListenAddress } from './address.ts';
import { requireToken } from './token.ts';

const reasons: Record<string, string> = {
  EADDRINUSE: 'the port must be free: another program listens there',
  EACCES: 'the port must be one that this user may open: below 1024 that takes more rights',
  EADDRNOTAVAIL: "the host must be one of this machine's addresses: this one is not",
  ENOTFOUND: "the host must be one of this machine's addresses: this name has none",
};

/**
 * Makes `server` listen.
 * @param options.what and `flag` name the server and its command line flag in messages.
 * @param options.token what the server asks of its clients.
 * @returns the address with the true port.
 * @throws Error with the cure, such as where the port is taken, or where the address is beyond loopback and there is no token.
 */
export async function listen(options: {
  server: Server;
  what: string;
  flag: string;
  address: ListenAddress;
  token: string | undefined;
}): Promise<ListenAddress> {
  const { server, what, flag, address, token } = options;
  requireToken(what, address, token);
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) =>
      reject(
        new Error(
          `Cannot start ${what} on ${authority(address)} as ${reasons[cause.code ?? ''] ?? cause.message}; choose another address with ${flag} HOST:PORT, port 0 for any free one`,
          { cause },
        ),
      ),
    );
    server.listen({ host: address.host, port: address.port }, resolve);
  });
  // Such as EMFILE on accept: that connection is lost, the process must not be.
  server.on('error', () => {});
  const bound = server.address();
  return {
    host: address.host,
    port: typeof bound === 'object' && bound !== null ? bound.port : address.port,
  };
}
