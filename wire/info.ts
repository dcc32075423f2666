import { z } from 'zod';
import type { Result } from './decode.ts';
import {
  countField,
  decodeStamped,
  encodeStamped,
  levelsMax,
  type Stamp,
  type Stamped,
  shareField,
  stampFields,
  textField,
} from './stamp.ts';

/** What a device is and what it serves. Retained. */
export type DeviceInfo = {
  board: string;
  os: string;
  cpu: string;
  cores: number;
  memoryBytes: number;
  /** Levels densest first; accuracy as the manifest tells it, null where it does not. */
  bundle: { name: string; levels: { sparsity: number; macs: number; accuracy: number | null }[] };
  sensors: string[];
  engine: string;
  ebbVersion: string;
};

const wire = z.object({
  ...stampFields,
  board: textField(200),
  os: textField(200),
  cpu: textField(200),
  cores: countField,
  memory_bytes: countField,
  bundle: z.object({
    name: textField(64),
    levels: z
      .array(z.object({ sparsity: shareField, macs: countField, accuracy: shareField.nullable() }))
      .min(1)
      .max(levelsMax),
  }),
  sensors: z.array(textField(100)).max(256),
  engine: textField(100),
  ebb_version: textField(64),
});

export function encodeInfo(stamp: Stamp, body: DeviceInfo): Uint8Array {
  const json = {
    board: body.board,
    os: body.os,
    cpu: body.cpu,
    cores: body.cores,
    memory_bytes: body.memoryBytes,
    bundle: {
      name: body.bundle.name,
      levels: body.bundle.levels.map(({ sparsity, macs, accuracy }) => ({ sparsity, macs, accuracy })),
    },
    sensors: body.sensors,
    engine: body.engine,
    ebb_version: body.ebbVersion,
  };
  return encodeStamped('info', wire, stamp, json);
}

export function decodeInfo(bytes: Uint8Array): Result<Stamped<DeviceInfo>> {
  return decodeStamped('info', wire, bytes, (json) => ({
    board: json.board,
    os: json.os,
    cpu: json.cpu,
    cores: json.cores,
    memoryBytes: json.memory_bytes,
    bundle: json.bundle,
    sensors: json.sensors,
    engine: json.engine,
    ebbVersion: json.ebb_version,
  }));
}
