import { createHash } from 'node:crypto';

/**
 * A client id made of names. Different lists of names give different ids. It has 23 letters and digits, which every broker
 * must accept (MQTT 3.1.1, 3.1.3.1; MQTT 3.1 allows no more).
 */
export function clientIdOf(...names: string[]): string {
  // JSON keeps the names apart, whatever characters they hold.
  const digest = createHash('sha256').update(JSON.stringify(names)).digest('hex');
  return `ebb${digest.slice(0, 20)}`;
}
