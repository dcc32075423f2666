type Closes = { once(event: 'close', listener: () => void): unknown };

/** Waits for a connection's end, even by a reset; `once` of node:events would reject at its `error`. */
export function closed(connection: Closes): Promise<void> {
  return new Promise((resolve) => connection.once('close', () => resolve()));
}
