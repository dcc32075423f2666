import { createHash, timingSafeEqual } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { authority, type ListenAddress } from './address.ts';
import { isLoopback } from './loopback.ts';

const shortest = 16;
const howToMake = 'make one with "openssl rand -hex 32"';

const digest = (text: string) => createHash('sha256').update(text).digest();

/** Compares; takes as long for a near guess as for a far one. */
export function isToken(given: string, token: string): boolean {
  return timingSafeEqual(digest(given), digest(token));
}

/** Whether an `Authorization` header carries the token. */
export function isAuthorized(header: string | undefined, token: string): boolean {
  return isToken(/^Bearer +(\S+)$/i.exec(header ?? '')?.[1] ?? '', token);
}

/**
 * The secret that clients must give: the file's text without surrounding space, else `EBB_TOKEN`; undefined without both.
 * @throws Error where the file cannot be read, or the token is too short or holds spaces.
 */
export async function readToken(options: {
  file?: string | undefined;
  env?: NodeJS.ProcessEnv;
}): Promise<string | undefined> {
  const { file, env = process.env } = options;
  const source = file === undefined ? 'EBB_TOKEN' : `token file "${file}"`;
  const token =
    file === undefined
      ? env.EBB_TOKEN
      : await readFile(file, 'utf8').then(
          (text) => text.trim(),
          (cause: Error) => {
            throw new Error(`Cannot read ${source}: ${cause.message}; ${howToMake}`, { cause });
          },
        );
  if (token === undefined || (token === '' && file === undefined)) return undefined;
  if (token.length < shortest || /\s/.test(token))
    throw new Error(
      `Cannot use ${source} as the token must hold at least ${shortest} characters and no space: current value has ${token.length}; ${howToMake}`,
    );
  return token;
}

/**
 * Holds that nothing listens beyond this machine without a token.
 * @param what names the server in the message, such as `the HTTP server`.
 * @throws Error where `address` is reached from elsewhere and `token` is absent.
 */
export function requireToken(what: string, address: ListenAddress, token: string | undefined): void {
  if (token !== undefined || isLoopback(address.host)) return;
  throw new Error(
    `Cannot start ${what} on ${authority(address)} as beyond loopback it must have a token: current value is none; give one with --token-file FILE or EBB_TOKEN (${howToMake}), or listen on 127.0.0.1`,
  );
}
