import { createHash, timingSafeEqual } from 'node:crypto';
import { readFile } from 'node:fs/promises';

const leastLength = 16;

/** Reads a secret from the first line of a file. Throws where it is absent or too short to be one. */
export async function readToken(path: string): Promise<string> {
  const text = await readFile(path, 'utf8').catch((error: Error) => {
    throw new Error(`Cannot read token file "${path}": ${error.message}`, { cause: error });
  });
  const token = text.split('\n', 1)[0]?.trim() ?? '';
  if (token.length < leastLength)
    throw new Error(
      `Cannot use token file "${path}" as its first line must have at least ${leastLength} characters: current value is ${token.length}; make one with: openssl rand -hex 24`,
    );
  return token;
}

const digest = (text: string) => createHash('sha256').update(text).digest();

/** Compares in constant time. */
export function isToken(given: string, token: string): boolean {
  return timingSafeEqual(digest(given), digest(token));
}
