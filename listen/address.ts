/** Where a server listens. `host` is a name or an IP address, IPv6 without brackets; port 0 lets the system choose. */
export type ListenAddress = { host: string; port: number };

/** A host as `ListenAddress` has it: `[::1]` becomes `::1`. */
export function bareHost(host: string): string {
  return host.replace(/^\[(.*)\]$/, '$1');
}

/**
 * Reads `HOST:PORT`, `[IPV6]:PORT`, `:PORT` or `PORT`.
 * @param what names the address in the message, such as `--http`.
 * @throws RangeError for anything else.
 */
export function parseListenAddress(what: string, text: string, fallback: ListenAddress): ListenAddress {
  const match = /^(?:(\[[0-9A-Fa-f:.]+\]|[^:[\]\s]*):)?(\d{1,5})$/.exec(text);
  const port = Number(match?.[2]);
  if (match === null || port > 65_535)
    throw new RangeError(
      `Cannot use ${what} as it must be HOST:PORT: current value is ${JSON.stringify(text)}; write for instance ${authority(fallback)}, or port 0 for any free one`,
    );
  return { host: bareHost(match[1] || fallback.host), port };
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
