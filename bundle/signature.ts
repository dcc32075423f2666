import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { readFile } from 'node:fs/promises';

/** Beside the manifest: the Ed25519 signature (RFC 8032) of the manifest's bytes, which hold the hash of every other file; base64. */
export const signatureFile = 'manifest.json.sig';

/** A signature has 64 bytes: base64, a line break. */
export const signatureMaxBytes = 256;

async function readKey(path: string, kind: 'private' | 'public'): Promise<KeyObject> {
  const cure =
    kind === 'private'
      ? '"openssl genpkey -algorithm ed25519 -out key.pem" makes one'
      : '"openssl pkey -in key.pem -pubout -out key.pub.pem" writes it';
  let key: KeyObject;
  try {
    const pem = await readFile(path);
    key = kind === 'private' ? createPrivateKey(pem) : createPublicKey(pem);
  } catch (error) {
    // What a key file holds is not repeated.
    const why = (error as NodeJS.ErrnoException).code ?? 'it is no PEM file';
    throw new Error(`Cannot read the ${kind} key "${path}" as it must be readable PEM: ${why}; ${cure}`, {
      cause: error,
    });
  }
  if (key.asymmetricKeyType !== 'ed25519')
    throw new Error(
      `Cannot use the ${kind} key "${path}" as it must be an Ed25519 key: current value is ${key.asymmetricKeyType}; ${cure}`,
    );
  return key;
}

/** @throws Error where the file is no PEM file with a private Ed25519 key. */
export const readPrivateKey = (path: string): Promise<KeyObject> => readKey(path, 'private');

/** @throws Error where the file is no PEM file with an Ed25519 key. */
export const readPublicKey = (path: string): Promise<KeyObject> => readKey(path, 'public');

/** @returns the text of the signature file. */
export function signManifest(manifest: Uint8Array, privateKey: KeyObject): string {
  return `${sign(null, manifest, privateKey).toString('base64')}\n`;
}

/** @param signature the text of the signature file. */
export function isSignedBy(manifest: Uint8Array, signature: string, publicKey: KeyObject): boolean {
  return verify(null, manifest, publicKey, Buffer.from(signature.trim(), 'base64'));
}
