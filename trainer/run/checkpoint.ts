import { readFile } from 'node:fs/promises';
import { sha256 } from '../../bundle/sha256.ts';
import { writeFileAtomic } from '../../bundle/write-file-atomic.ts';
import type { NetState } from '../ast/latent-net.ts';

/** A training between two steps. */
export type Checkpoint = {
  /** Steps done. */
  done: number;
  /** Seconds of training so far, over all its pieces. */
  seconds: number;
  /** Length of the metrics that belong to these steps. */
  metricsBytes: number;
  state: NetState;
};

/** `EBBC`, then a format version. */
const magic = Buffer.from('EBBC0001');
const lengthBytes = 4;

type Header = Omit<Checkpoint, 'state'> & {
  /** Of all bytes behind the header. */
  sha256: string;
  arrays: { name: string; type: 'f32' | 'u8'; length: number }[];
};

/**
 * Layout: magic, length of the header (uint32, little-endian), header as JSON, then the arrays' bytes one after the other, as the
 * machine orders them.
 */
export function encodeCheckpoint({ state, ...known }: Checkpoint): Uint8Array {
  const parts = [...state.values()].map(({ buffer, byteOffset, byteLength }) =>
    Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength),
  );
  const body = Buffer.concat(parts);
  const arrays = [...state].map(([name, values]) => ({
    name,
    type: values instanceof Float32Array ? ('f32' as const) : ('u8' as const),
    length: values.length,
  }));
  const header: Header = { ...known, sha256: sha256(body), arrays };
  const json = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(lengthBytes);
  length.writeUInt32LE(json.length);
  return Buffer.concat([magic, length, json, body]);
}

/** @param path for messages only. @throws Error where the bytes are no whole checkpoint. */
export function decodeCheckpoint(bytes: Buffer, path: string): Checkpoint {
  const refuse = (requirement: string, cause?: unknown): never => {
    throw new Error(`Cannot resume from "${path}" as ${requirement}; remove the file to begin the run anew`, {
      cause,
    });
  };
  const start = magic.length + lengthBytes;
  if (bytes.length < start || !bytes.subarray(0, magic.length).equals(magic))
    refuse('it must be a checkpoint of this version of ebb: its first bytes are others');
  const bodyAt = start + bytes.readUInt32LE(magic.length);
  let header: Header | undefined;
  try {
    header = JSON.parse(bytes.subarray(start, bodyAt).toString('utf8')) as Header;
  } catch (cause) {
    refuse('its header must be JSON: it is damaged', cause);
  }
  const { arrays, sha256: wanted, ...known } = header as Header;
  const body = bytes.subarray(bodyAt);
  const hash = sha256(body);
  if (hash !== wanted)
    refuse(
      `its data must have the sha256 ${wanted.slice(0, 12)}...: current value is ${hash.slice(0, 12)}...`,
    );
  const state: NetState = new Map();
  let at = 0;
  for (const { name, type, length } of arrays) {
    const size = length * (type === 'f32' ? 4 : 1);
    // A copy, so that the numbers are aligned.
    const own = Uint8Array.from(body.subarray(at, at + size));
    state.set(name, type === 'f32' ? new Float32Array(own.buffer) : own);
    at += size;
  }
  return { ...known, state };
}

/** Replaces the file whole: a kill at any moment leaves the old checkpoint or the new one. */
export async function saveCheckpoint(path: string, checkpoint: Checkpoint): Promise<void> {
  await writeFileAtomic(path, encodeCheckpoint(checkpoint));
}

/** @returns undefined where there is none. */
export async function loadCheckpoint(path: string): Promise<Checkpoint | undefined> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  return decodeCheckpoint(bytes, path);
}
