import type { KeyObject } from 'node:crypto';
import { existsSync } from 'node:fs';
import { open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { z } from 'zod';
import { requireOptions, showArgument } from '../errors/check-arguments.ts';
import { ArgumentError, EbbError, type ErrorCode } from '../errors/ebb-error.ts';
import { type Manifest, type ManifestLevel, manifestSchema, manifestVersion } from './manifest.ts';
import { sha256 } from './sha256.ts';
import { isSignedBy, readPublicKey, signatureFile, signatureMaxBytes } from './signature.ts';

export const manifestFile = 'manifest.json';

/** A manifest beyond this size is not one of ours. */
const manifestMaxBytes = 4 * 1024 * 1024;

/** A bundle whose every byte was verified against its manifest. */
export type Bundle = {
  dir: string;
  manifest: Manifest;
  /** ONNX bytes of each level, densest first; `readBundle` puts them into shared memory, so that threads need no copy. */
  models: Uint8Array[];
  /** The public key that its signature was verified with; absent if none was asked for. */
  signedWith?: KeyObject;
};

/** The bundle breaks its own manifest, or the manifest breaks its schema. */
export class BundleError extends EbbError {
  override name = 'BundleError';
}

function refuse(dir: string, code: ErrorCode, requirement: string, cause?: unknown): never {
  throw new BundleError(code, `Cannot open bundle "${dir}" as ${requirement}`, { cause });
}

/** Into memory that an inference thread can share. */
async function readBounded(path: string, maxBytes: number): Promise<Uint8Array> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    if (size > maxBytes) throw new RangeError(`it holds ${size} bytes, more than ${maxBytes}`);
    const bytes = new Uint8Array(new SharedArrayBuffer(size));
    let filled = 0;
    while (filled < size) {
      const { bytesRead } = await file.read(bytes, filled, size - filled, filled);
      if (bytesRead === 0) throw new RangeError(`it ended after ${filled} of ${size} bytes`);
      filled += bytesRead;
    }
    return bytes;
  } finally {
    await file.close();
  }
}

/** Folder of the bundle inside a run's folder. */
const bundleOfRun = 'bundle';

/** The bundle's own folder, if `dir` is that of a run with a bundle in it; else `dir`. */
function findBundle(dir: string): string {
  const inner = join(dir, bundleOfRun);
  return !existsSync(join(dir, manifestFile)) && existsSync(join(inner, manifestFile)) ? inner : dir;
}

function whereIsIt(dir: string): string {
  if (!existsSync(dir)) return 'the folder is not there; name one that "ebb train" wrote';
  if (existsSync(join(dir, 'settings.json')))
    return `the run in it was not finished; go on with "ebb train --resume --out ${dir}"`;
  return 'name a folder that "ebb train" wrote';
}

function describe(issue: z.core.$ZodIssue): string {
  const place = issue.path.join('.') || 'it';
  return `${manifestFile} must be valid: ${place}: ${issue.message}; export it again`;
}

/** The signature is over the very bytes that are parsed. */
async function requireSignature(dir: string, bytes: Uint8Array, publicKey: KeyObject): Promise<void> {
  const cure = 'sign it with "ebb bundle sign", or take "bundle.public_key" out of the profile';
  let signature: string;
  try {
    signature = Buffer.from(await readBounded(join(dir, signatureFile), signatureMaxBytes)).toString('utf8');
  } catch (error) {
    refuse(
      dir,
      'EBB_BUNDLE_SIGNATURE',
      `it must be signed: there is no ${signatureFile} that can be read; ${cure}`,
      error,
    );
  }
  if (!isSignedBy(bytes, signature, publicKey))
    refuse(
      dir,
      'EBB_BUNDLE_SIGNATURE',
      `it must be signed with the profile's key: ${signatureFile} is another key's, or of another manifest; ${cure}`,
    );
}

/** The manifest, and the very bytes that were verified and parsed. */
async function readManifest(
  dir: string,
  publicKey: KeyObject | undefined,
): Promise<{ manifest: Manifest; bytes: Uint8Array }> {
  const path = join(dir, manifestFile);
  let json: unknown;
  let bytes: Uint8Array;
  try {
    bytes = await readBounded(path, manifestMaxBytes);
    if (publicKey) await requireSignature(dir, bytes, publicKey);
    json = JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch (error) {
    if (error instanceof BundleError) throw error;
    const absent = (error as NodeJS.ErrnoException).code === 'ENOENT';
    if (absent)
      refuse(
        dir,
        'EBB_BUNDLE_UNREADABLE',
        `it must hold ${manifestFile}: there is none; ${whereIsIt(dir)}`,
        error,
      );
    const code = error instanceof SyntaxError ? 'EBB_BUNDLE_INVALID' : 'EBB_BUNDLE_UNREADABLE';
    refuse(
      dir,
      code,
      `${manifestFile} must be readable JSON: ${(error as Error).message}; export it again`,
      error,
    );
  }
  const version = (json as { version?: unknown } | null)?.version;
  if (version !== manifestVersion)
    refuse(
      dir,
      'EBB_BUNDLE_INVALID',
      `${manifestFile} must have version ${manifestVersion}: current value is ${JSON.stringify(version)}; use an ebb that writes this version, or export it again`,
    );
  const result = manifestSchema.safeParse(json);
  if (!result.success) refuse(dir, 'EBB_BUNDLE_INVALID', describe(result.error.issues[0]), result.error);
  return { manifest: result.data, bytes };
}

async function readLevel(dir: string, level: ManifestLevel): Promise<Uint8Array> {
  const path = join(dir, level.file);
  let bytes: Uint8Array;
  try {
    const { size } = await stat(path);
    if (size !== level.bytes)
      refuse(
        dir,
        'EBB_BUNDLE_CHECKSUM',
        `${level.file} must hold ${level.bytes} bytes: current value is ${size}; export it again`,
      );
    bytes = await readBounded(path, level.bytes);
  } catch (error) {
    if (error instanceof BundleError) throw error;
    refuse(
      dir,
      'EBB_BUNDLE_UNREADABLE',
      `${level.file} must be readable: ${(error as Error).message}; export it again`,
      error,
    );
  }
  const hash = sha256(bytes);
  if (hash !== level.sha256)
    refuse(
      dir,
      'EBB_BUNDLE_CHECKSUM',
      `${level.file} must have the manifest's sha256 ${level.sha256.slice(0, 12)}...: current value is ${hash.slice(0, 12)}...; it was changed after the export: export it again`,
    );
  return bytes;
}

export type ReadBundleOptions = {
  /**
   * Ed25519 public key, or the path of its PEM file: the bundle must be signed with the private key that belongs to it.
   * Default: signatures are not checked.
   */
  publicKey?: KeyObject | string | undefined;
};

/** The key itself, or read from its file. @throws BundleError if it cannot be used. */
export async function obtainPublicKey(publicKey: KeyObject | string): Promise<KeyObject> {
  if (typeof publicKey !== 'string') return publicKey;
  try {
    return await readPublicKey(publicKey);
  } catch (error) {
    throw new BundleError('EBB_BUNDLE_SIGNATURE', (error as Error).message, { cause: error });
  }
}

/**
 * Reads a bundle and verifies it: signature, schema, version, paths, sizes and hashes of all files, and that there is no other file.
 *
 * @param path folder of the bundle, or of the run that has it in `bundle/`.
 * @throws BundleError that names the file, the requirement, the value found and the cure; ArgumentError for wrong arguments. Always as a
 * rejection.
 */
export async function readBundle(path: string, options: ReadBundleOptions = {}): Promise<Bundle> {
  return (await readBundleWithBytes(path, options)).bundle;
}

/** As `readBundle`, with the very bytes of the manifest that were verified. */
export async function readBundleWithBytes(
  path: string,
  options: ReadBundleOptions = {},
): Promise<{ bundle: Bundle; manifestBytes: Uint8Array }> {
  requireOptions('read a bundle', options, ['publicKey']);
  if (typeof path !== 'string' || path === '')
    throw new ArgumentError(
      'EBB_INVALID_ARGUMENT',
      `Cannot read a bundle as its folder must be a path: current value is ${showArgument(path)}`,
    );
  const publicKey = options.publicKey === undefined ? undefined : await obtainPublicKey(options.publicKey);
  if (publicKey !== undefined && publicKey?.asymmetricKeyType !== 'ed25519')
    throw new ArgumentError(
      'EBB_INVALID_ARGUMENT',
      `Cannot read a bundle as publicKey must be an Ed25519 key or the path of one: current value is ${showArgument(publicKey)}`,
    );
  const dir = findBundle(path);
  const { manifest, bytes: manifestBytes } = await readManifest(dir, publicKey);
  const known = new Set([manifestFile, signatureFile, ...manifest.levels.map((level) => level.file)]);
  const names = await readdir(dir).catch((error: Error) =>
    refuse(dir, 'EBB_BUNDLE_UNREADABLE', `its folder must be readable: ${error.message}`, error),
  );
  const stranger = names.find((name) => !known.has(name));
  if (stranger !== undefined)
    refuse(
      dir,
      'EBB_BUNDLE_INVALID',
      `it must hold nothing but its manifest's files: "${stranger}" is not among them; remove it`,
    );
  const models: Uint8Array[] = [];
  for (const level of manifest.levels) models.push(await readLevel(dir, level));
  const bundle = { dir, manifest, models, ...(publicKey ? { signedWith: publicKey } : {}) };
  return { bundle, manifestBytes };
}

/** @throws ArgumentError unless `bundle` is one that `readBundle` gave. */
export function requireBundle(action: string, bundle: unknown): asserts bundle is Bundle {
  const { manifest, models } = (bundle ?? {}) as Partial<Bundle>;
  if (Array.isArray(manifest?.levels) && Array.isArray(models)) return;
  throw new ArgumentError(
    'EBB_INVALID_ARGUMENT',
    `Cannot ${action} as the bundle must be one that readBundle() has read: current value is ${showArgument(bundle)}`,
  );
}
