import type { Server } from 'node:net';

export type ListenAddress = { host: string; port: number };

/** Reads `HOST:PORT`, `[IPV6]:PORT`, `:PORT` or `PORT`. Throws a RangeError that names `what`. */
export function parseListenAddress(what: string, text: string, fallback: ListenAddress): ListenAddress {
  const match = /^(?:(?:\[([0-9A-Fa-f:.]+)\]|([^:[\]]*)):)?(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port > 65_535)
    throw new RangeError(
      `Cannot use ${what} as it must be HOST:PORT: current value is ${JSON.stringify(text)}; write for instance ${fallback.host}:${fallback.port}`,
    );
  return { host: match[1] || match[2] || fallback.host, port };
}

/** True where only this machine can reach `host`. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}

/** `host` and `port` as they stand in a URL. */
export function authority({ host, port }: ListenAddress): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** Where a client on this machine finds a server that listens on `address`. */
export function reachable(address: ListenAddress): ListenAddress {
  if (address.host === '0.0.0.0') return { ...address, host: '127.0.0.1' };
  return address.host === '::' ? { ...address, host: '::1' } : address;
}

/** Listens; gives the address with the true port. Rejects with an error that tells the cure, e.g. where the port is in use. */
export function listen(
  server: Server,
  what: string,
  flag: string,
  address: ListenAddress,
): Promise<ListenAddress> {
  return new Promise((resolve, reject) => {
    const onError = (error: NodeJS.ErrnoException) => {
      const why: Record<string, string> = {
        EADDRINUSE: 'the port must be free: current value is in use',
        EACCES: 'the port must be one that this user may open: current value needs more rights',
        EADDRNOTAVAIL: "the host must be one of this machine's addresses: current value is none",
        ENOTFOUND: "the host must be one of this machine's addresses: current value has none",
      };
      reject(
        new Error(
          `Cannot start ${what} on ${authority(address)} as ${why[error.code ?? ''] ?? error.message}; choose another one with ${flag} HOST:PORT`,
          { cause: error },
        ),
      );
    };
    server.once('error', onError);
    server.listen({ host: address.host, port: address.port }, () => {
      server.off('error', onError);
      const bound = server.address();
      resolve({
        host: address.host,
        port: typeof bound === 'object' && bound !== null ? bound.port : address.port,
      });
    });
  });
}
