import type { Manifest } from '../../bundle/manifest.ts';
import { RequestError, showValue } from '../../listen/request-error.ts';
import { cureOfJson } from './cure-of-json.ts';

/** One request for inference, checked against the bundle. */
export type InferRequest = {
  id: string | undefined;
  /** `[batch, ...]`, row by row. */
  input: Float32Array;
  batch: number;
  deadlineMs: number | undefined;
  /** The level must be known to be so accurate, 0..1. */
  minAccuracy: number | undefined;
  /** Whether the output goes back as bytes behind the JSON (binary tensor data extension). */
  binaryOutput: boolean;
  /** How many of the highest classes go back as text instead of the output (classification extension). */
  classes: number | undefined;
};

export type ParseOptions = {
  manifest: Manifest;
  body: Buffer;
  /** Value of `Inference-Header-Content-Length`: length of the JSON, if bytes of tensors follow it; 0 if the body is the tensor alone. */
  jsonLength: string | undefined;
  maxBatch: number;
};

type Json = Record<string, unknown>;

function refuse(requirement: string, value: unknown, cure: string): never {
  throw new RequestError(
    400,
    `Cannot infer as ${requirement}: current value is ${showValue(value)}; ${cure}`,
  );
}

/** An object of the request without the members that are null: clients write null for what they leave out. */
function object(value: unknown, name: string): Json {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    refuse(`${name} must be an object`, value, 'see the Open Inference Protocol, version 2');
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== null));
}

function optionalObject(value: unknown, name: string): Json {
  return value === undefined ? {} : object(value, name);
}

function splitBody(body: Buffer, jsonLength: string | undefined): { json: Buffer; bytes: Buffer } {
  if (jsonLength === undefined) return { json: body, bytes: Buffer.alloc(0) };
  const length = /^\d{1,12}$/.test(jsonLength) ? Number(jsonLength) : Number.NaN;
  if (!(length <= body.length))
    refuse(
      `the header Inference-Header-Content-Length must be the length of the JSON, at most ${body.length}`,
      jsonLength,
      'count the bytes of the JSON in front of the tensors',
    );
  return { json: body.subarray(0, length), bytes: body.subarray(length) };
}

function parseJson(bytes: Buffer, jsonLength: string | undefined): Json {
  const text = bytes.toString('utf8');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message.slice(0, 120) : '';
    throw new RequestError(
      400,
      `Cannot infer as the body must be JSON: ${why}; ${cureOfJson(text, why, jsonLength)}`,
      { cause },
    );
  }
  return object(value, 'the body');
}

/** `[batch, ...rest]` of the manifest, with the request's batch. */
function readShape(value: unknown, manifest: Manifest, maxBatch: number): number {
  const { name, shape } = manifest.input;
  const [, ...rest] = shape;
  const expected = `[N, ${rest.join(', ')}]`;
  if (!Array.isArray(value) || value.length !== shape.length || rest.some((size, i) => value[i + 1] !== size))
    refuse(`input "${name}" must have shape ${expected}`, value, 'reshape it; N is the number of inputs');
  const batch: unknown = value[0];
  if (typeof batch !== 'number' || !Number.isInteger(batch) || batch < 1 || batch > maxBatch)
    refuse(
      `input "${name}" must have shape ${expected} with N from 1 to ${maxBatch}`,
      value,
      'send fewer inputs at a time or raise http.max_batch in the profile',
    );
  return batch;
}

/** Flattens nested or flat JSON data into float32. */
function readJsonData(data: unknown, name: string, count: number, depth: number): Float32Array {
  const values = new Float32Array(count);
  let next = 0;
  const visit = (entries: unknown[], level: number): void => {
    for (const entry of entries) {
      if (Array.isArray(entry)) {
        if (level >= depth)
          refuse(`input "${name}" must nest at most ${depth} arrays`, entry, 'send its data flat');
        visit(entry, level + 1);
        continue;
      }
      // Finite as float32: 1e39 is not.
      if (typeof entry !== 'number' || !Number.isFinite(Math.fround(entry)))
        refuse(`input "${name}" must hold finite float32 numbers`, entry, `look at number ${next}`);
      if (next < count) values[next] = entry;
      next += 1;
    }
  };
  if (!Array.isArray(data))
    refuse(`input "${name}" must have data, an array`, data, 'or send bytes with binary_data_size');
  visit(data, 1);
  if (next !== count)
    refuse(`input "${name}" must hold ${count} numbers for its shape`, next, 'match data and shape');
  return values;
}

/** A loop: `findIndex` with a function takes several times as long, and every byte of every request comes this way. */
function findNotFinite(values: Float32Array): number {
  for (let index = 0; index < values.length; index += 1) if (!Number.isFinite(values[index])) return index;
  return -1;
}

/** Where `readBody` has aligned them the numbers are used where they stand, else copied. */
function floatsOf({ buffer, byteOffset, byteLength }: Buffer): Float32Array {
  const size = Float32Array.BYTES_PER_ELEMENT;
  return byteOffset % size === 0
    ? new Float32Array(buffer, byteOffset, byteLength / size)
    : new Float32Array(buffer.slice(byteOffset, byteOffset + byteLength));
}

function readFiniteFloats(bytes: Buffer, name: string): Float32Array {
  const values = floatsOf(bytes);
  const wrong = findNotFinite(values);
  if (wrong >= 0)
    refuse(
      `input "${name}" must hold finite float32 numbers`,
      String(values[wrong]),
      `look at number ${wrong}`,
    );
  return values;
}

function readBinaryData(bytes: Buffer, size: unknown, name: string, count: number): Float32Array {
  const expected = count * Float32Array.BYTES_PER_ELEMENT;
  if (size !== expected)
    refuse(
      `input "${name}" must have binary_data_size ${expected} for its shape`,
      size,
      'send little-endian float32',
    );
  if (bytes.length !== expected)
    refuse(
      `${expected} bytes must follow the JSON`,
      bytes.length,
      'set Inference-Header-Content-Length to the length of the JSON',
    );
  return readFiniteFloats(bytes, name);
}

function refuseSharedMemory(parameters: Json, name: string): void {
  if (parameters.shared_memory_region === undefined) return;
  refuse(
    `${name} must not name shared memory, which is not supported`,
    parameters.shared_memory_region,
    'let tensors travel in the body, as binary data or JSON',
  );
}

function readOutputs(
  request: Json,
  parameters: Json,
  manifest: Manifest,
): Pick<InferRequest, 'binaryOutput' | 'classes'> {
  const byDefault = { binaryOutput: parameters.binary_data_output === true, classes: undefined };
  if (request.outputs === undefined) return byDefault;
  const { name } = manifest.output;
  if (!Array.isArray(request.outputs) || request.outputs.length > 1)
    refuse(
      `outputs must be an array that names "${name}"`,
      request.outputs,
      'leave it out to get every output',
    );
  if (request.outputs.length === 0) return byDefault;
  const output = object(request.outputs[0], 'outputs[0]');
  if (output.name !== name)
    refuse(`outputs[0].name must be "${name}"`, output.name, 'the model has this output alone');
  const wanted = optionalObject(output.parameters, 'outputs[0].parameters');
  refuseSharedMemory(wanted, 'outputs[0].parameters');
  const { classification = 0, binary_data: binary } = wanted;
  if (!Number.isSafeInteger(classification) || (classification as number) < 0)
    refuse(
      'outputs[0].parameters.classification must be how many classes are wanted, a whole number',
      classification,
      'leave it out for the logits',
    );
  return {
    binaryOutput: typeof binary === 'boolean' ? binary : byDefault.binaryOutput,
    // 0 asks for the output itself, as with Triton.
    classes: (classification as number) || undefined,
  };
}

function readDeadline({ deadline_ms: value }: Json): number | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'number' || !(value > 0) || value > 3_600_000)
    refuse(
      'parameters.deadline_ms must be a number above 0, at most 3600000',
      value,
      'leave it out for the profile’s deadline',
    );
  return value;
}

function readMinAccuracy({ min_accuracy: value }: Json): number | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'number' || !(value >= 0) || value > 1)
    refuse(
      'parameters.min_accuracy must be a number from 0 to 1',
      value,
      'leave it out for the most accurate level that meets the deadline',
    );
  return value;
}

/**
 * Triton's raw binary request: the body is the tensor, whose first dimension follows from its size; the answer is binary too.
 * Source: https://github.com/triton-inference-server/server, docs/protocol/extension_binary_data.md, "Raw Binary Request"
 */
function parseRawRequest({ manifest, body, maxBatch }: ParseOptions): InferRequest {
  const { name, shape } = manifest.input;
  const size = shape
    .slice(1)
    .reduce<number>((product, one) => product * Number(one), Float32Array.BYTES_PER_ELEMENT);
  const batch = body.length / size;
  if (!Number.isInteger(batch) || batch < 1 || batch > maxBatch)
    refuse(
      `a body without JSON must be input "${name}" alone, ${size} bytes for each of 1 to ${maxBatch} inputs`,
      `${body.length} bytes`,
      'send little-endian float32, or set Inference-Header-Content-Length to the length of the JSON',
    );
  return {
    id: undefined,
    input: readFiniteFloats(body, name),
    batch,
    deadlineMs: undefined,
    minAccuracy: undefined,
    binaryOutput: true,
    classes: undefined,
  };
}

/**
 * Parses the body of `POST /v2/models/{m}/infer`: Open Inference Protocol v2 with the binary tensor data extension.
 * @throws RequestError 400 that names the requirement, the value found and the cure.
 */
export function parseInferRequest(options: ParseOptions): InferRequest {
  const { manifest, body, jsonLength, maxBatch } = options;
  if (jsonLength !== undefined && /^0+$/.test(jsonLength)) return parseRawRequest(options);
  const { json, bytes } = splitBody(body, jsonLength);
  const request = parseJson(json, jsonLength);
  const { id } = request;
  if (id !== undefined && (typeof id !== 'string' || id.length > 256))
    refuse('id must be text of at most 256 characters', id, 'shorten it or leave it out');
  const { name, shape } = manifest.input;
  if (!Array.isArray(request.inputs) || request.inputs.length !== 1)
    refuse(`inputs must be an array with one tensor, "${name}"`, request.inputs, 'send it as inputs[0]');
  const input = object(request.inputs[0], 'inputs[0]');
  if (input.name !== name)
    refuse(
      `inputs[0].name must be "${name}"`,
      input.name,
      `see GET /v2/models/${encodeURIComponent(manifest.name)}`,
    );
  if (input.datatype !== 'FP32')
    refuse(`input "${name}" must have datatype "FP32"`, input.datatype, 'convert it to 32-bit floats');
  const batch = readShape(input.shape, manifest, maxBatch);
  const count = batch * shape.slice(1).reduce<number>((product, size) => product * Number(size), 1);
  const ofInput = optionalObject(input.parameters, 'inputs[0].parameters');
  refuseSharedMemory(ofInput, 'inputs[0].parameters');
  const size = ofInput.binary_data_size;
  if (size !== undefined && input.data !== undefined)
    refuse(`input "${name}" must have either data or binary_data_size`, 'both', 'leave one out');
  if (size === undefined && bytes.length > 0)
    refuse(`input "${name}" must have binary_data_size, as bytes follow the JSON`, size, 'add it');
  const parameters = optionalObject(request.parameters, 'parameters');
  const outputs = readOutputs(request, parameters, manifest);
  return {
    id,
    input:
      size === undefined
        ? readJsonData(input.data, name, count, shape.length)
        : readBinaryData(bytes, size, name, count),
    batch,
    deadlineMs: readDeadline(parameters),
    minAccuracy: readMinAccuracy(parameters),
    ...outputs,
  };
}
