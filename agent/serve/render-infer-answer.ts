import type { Manifest } from '../../bundle/manifest.ts';

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
}): RenderedAnswer {
  const { manifest, id, output, batch, level, inferMs, queueMs, binary } = options;
  const [, ...rest] = manifest.output.shape;
  const head = { name: manifest.output.name, shape: [batch, ...rest], datatype: 'FP32' };
  const bytes = new Uint8Array(output.buffer, output.byteOffset, output.byteLength);
  const json = JSON.stringify({
    model_name: manifest.name,
    model_version: String(level),
    ...(id === undefined ? {} : { id }),
    parameters: { level, infer_ms: round(inferMs), queue_ms: round(queueMs) },
    outputs: [
      binary
        ? { ...head, parameters: { binary_data_size: bytes.length } }
        : { ...head, data: Array.from(output) },
    ],
  });
  if (!binary) return { body: json, jsonLength: undefined };
  const text = new TextEncoder().encode(json);
  const body = new Uint8Array(text.length + bytes.length);
  body.set(text);
  body.set(bytes, text.length);
  return { body, jsonLength: text.length };
}
