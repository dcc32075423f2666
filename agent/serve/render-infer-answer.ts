import type { Manifest } from '../../bundle/manifest.ts';
import { bytesTensor } from './bytes-tensor.ts';
import { topClasses } from './top-classes.ts';

/** What the client gets: a body, and the length of its JSON where bytes follow it. */
export type RenderedAnswer = { body: string | Uint8Array<ArrayBuffer>; jsonLength: number | undefined };

/** Three decimals are a microsecond. */
const round = (value: number) => Math.round(value * 1000) / 1000;

/** Writes an answer as Open Inference Protocol v2 has it; `model_version` is the level that computed it. */
export function renderInferAnswer(options: {
  manifest: Manifest;
  id: string | undefined;
  output: Float32Array;
  batch: number;
  level: number;
  inferMs: number;
  queueMs: number;
  binary: boolean;
  /** How many of the highest classes stand for the output, as text; undefined for the output itself. */
  classes: number | undefined;
}): RenderedAnswer {
  const { manifest, id, output, batch, level, inferMs, queueMs, binary, classes } = options;
  const { name, shape } = manifest.output;
  const ranked =
    classes === undefined
      ? undefined
      : topClasses({ output, batch, labels: manifest.labels, count: classes });
  const head = ranked
    ? { name, shape: [batch, ranked.length / batch], datatype: 'BYTES' }
    : { name, shape: [batch, ...shape.slice(1)], datatype: 'FP32' };
  const bytes = ranked
    ? bytesTensor(ranked)
    : new Uint8Array(output.buffer, output.byteOffset, output.byteLength);
  const json = JSON.stringify({
    model_name: manifest.name,
    model_version: String(level),
    ...(id === undefined ? {} : { id }),
    parameters: { level, infer_ms: round(inferMs), queue_ms: round(queueMs) },
    outputs: [
      binary
        ? { ...head, parameters: { binary_data_size: bytes.length } }
        : { ...head, data: ranked ?? Array.from(output) },
    ],
  });
  if (!binary) return { body: json, jsonLength: undefined };
  const text = new TextEncoder().encode(json);
  const body = new Uint8Array(text.length + bytes.length);
  body.set(text);
  body.set(bytes, text.length);
  return { body, jsonLength: text.length };
}
