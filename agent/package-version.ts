import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

/** ebb's own version. */
export function ebbVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

/** The version of an installed package, without loading its code; undefined where it is not installed. */
export function packageVersion(name: string): string | undefined {
  try {
    const { version } = createRequire(import.meta.url)(`${name}/package.json`) as { version?: unknown };
    return typeof version === 'string' ? version : undefined;
  } catch {
    return undefined;
  }
}
