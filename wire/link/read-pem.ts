import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import type { Access } from './connect-once.ts';

/** Paths of PEM files; `flags` names them in messages. */
export type PemFiles = { ca?: string | undefined; cert?: string | undefined; key?: string | undefined };

function readPem(flag: string, path: string, mark: RegExp): Buffer {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    throw new Error(`Cannot read ${flag} "${path}": ${(error as Error).message}`, { cause: error });
  }
  if (!mark.test(bytes.toString('latin1')))
    throw new Error(
      `Cannot use ${flag} "${path}" as it must be a PEM file: it holds no line that matches ${mark.source}; convert it with openssl`,
    );
  return bytes;
}

const certificateMark = /-----BEGIN (TRUSTED |X509 )?CERTIFICATE-----/;
const keyMark = /-----BEGIN [A-Z ]*PRIVATE KEY-----/;

/**
 * Reads the files that a TLS connection to a broker needs.
 * @throws Error that names the flag and the file if one cannot be read, is no PEM, or certificate and key do not belong together.
 */
export function readPemFiles(files: PemFiles): Pick<Access, 'ca' | 'cert' | 'key'> {
  const { ca, cert, key } = files;
  const read = {
    ...(ca === undefined ? {} : { ca: readPem('--ca', ca, certificateMark) }),
    ...(cert === undefined ? {} : { cert: readPem('--cert', cert, certificateMark) }),
    ...(key === undefined ? {} : { key: readPem('--key', key, keyMark) }),
  };
  try {
    if (cert !== undefined && key !== undefined) createSecureContext(read);
  } catch (error) {
    throw new Error(
      `Cannot use --cert "${cert}" with --key "${key}": ${(error as Error).message}; both must belong together, and the key must have no passphrase`,
      { cause: error },
    );
  }
  return read;
}
