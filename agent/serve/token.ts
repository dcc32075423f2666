import { createHash, timingSafeEqual } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { isIPv4 } from 'node:net';

const shortest = 16;

const digest = (text: string) => createHash('sha256').update(text).digest();

/** Whether an `Authorization` header carries the token; takes as long for a near guess as for a far one. */
export function isAuthorized(header: string | undefined | null, token: string): boolean {
  const given = /^Bearer +(\S+)$/i.exec(header ?? '')?.[1] ?? '';
  return timingSafeEqual(digest(given), digest(token));
}

/** Whether a host to listen on is reached from this machine alone. */
export function isLoopback(host: string): boolean {
  const bare = host.replace(/^\[|\]$/g, '').toLowerCase();
  return bare === 'localhost' || bare === '::1' || (isIPv4(bare) && bare.startsWith('127.'));
}

/**
 * The bearer token: the file's text without surrounding space, else `EBB_TOKEN`.
 * @throws Error where the file cannot be read or the token is too short or holds spaces.
 */
export async function readToken(options: {
  file?: string | undefined;
  env?: NodeJS.ProcessEnv;
}): Promise<string | undefined> {
  const { file, env = process.env } = options;
  let token: string | undefined = env.EBB_TOKEN;
  const source = file === undefined ? 'EBB_TOKEN' : `token file "${file}"`;
  if (file !== undefined) {
    try {
      token = (await readFile(file, 'utf8')).trim();
    } catch (cause) {
      throw new Error(`Cannot read ${source}: ${cause instanceof Error ? cause.message : cause}`, { cause });
    }
  }
  if (token === undefined || (token === '' && file === undefined)) return undefined;
  if (token.length < shortest || /\s/.test(token))
    throw new Error(
      `Cannot use ${source} as the token must hold at least ${shortest} characters and no space: current value has ${token.length}; make one with "openssl rand -hex 32"`,
    );
  return token;
}
