import { BlockList, isIP } from 'node:net';
import { bareHost } from './address.ts';

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');
/** Known without asking the list, which takes some hundredths of a millisecond, of each request. */
const usual = new Set(['localhost', '127.0.0.1', '::1']);

/** Whether only this machine can reach `host`. A name other than localhost may lead anywhere. */
export function isLoopback(host: string): boolean {
  const bare = bareHost(host).toLowerCase();
  if (usual.has(bare)) return true;
  const family = isIP(bare);
  return family !== 0 && loopback.check(bare, family === 4 ? 'ipv4' : 'ipv6');
}

/**
 * Whether a `Host` header names this machine as this machine itself does. A browser that was led here by somebody else's
 * name for 127.0.0.1 (DNS rebinding) sends that name, and its pages may read the answers.
 */
export function isLocalName(hostHeader: string | undefined): boolean {
  const name = /^(\[[^\]]+\]|[^:]+)(?::\d+)?$/.exec(hostHeader ?? '')?.[1];
  return name !== undefined && isLoopback(name);
}
