import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RequestError } from '../../../listen/request-error.ts';
import { tinyManifest } from '../fake-engine.ts';
import { binary, host, serve, url } from './serve-app.ts';

const inputs = [{ name: 'image', shape: [1, 1, 8, 8], datatype: 'FP32', data: new Array(64).fill(0.5) }];

describe('RequestError', () => {
  it('has no stack, and leaves those of other errors as they are', () => {
    expect(new RequestError(503, 'Cannot infer').stack).toBe('RequestError: Cannot infer');
    expect(new Error('other').stack).toContain('inference-app.test');
  });
});

describe('metadata', () => {
  const { app } = serve();
  const get = async (path: string) => {
    const response = await app.request(`http://host${path}`, { headers: { host } });
    return [response.status, await response.json()] as const;
  };

  it('names the server, its extensions, and its health', async () => {
    expect(await get('/v2')).toEqual([
      200,
      {
        name: 'ebb',
        version: '9.9.9',
        extensions: [
          'binary_tensor_data',
          'classification',
          'model_configuration',
          'model_repository',
          'statistics',
        ],
      },
    ]);
    expect((await get('/v2/health/live'))[0]).toBe(200);
    expect((await get('/v2/health/ready'))[0]).toBe(200);
    const starting = serve({ ready: false });
    expect((await starting.app.request('http://host/v2/health/ready')).status).toBe(503);
    expect((await starting.app.request(`${url}/ready`, { headers: { host } })).status).toBe(503);
  });

  it('lists the levels as versions, and reads the bundle again, as a Triton client asks', async () => {
    const send = (path: string, to = app) =>
      to.request(`http://host/v2/repository/${path}`, { method: 'POST', headers: { host }, body: '{}' });
    const versions = (state: string, reason: string) =>
      ['0', '1', '2'].map((version) => ({ name: 'tiny', version, state, reason }));
    expect(await (await send('index')).json()).toEqual(versions('READY', ''));
    const starting = serve({ ready: false });
    expect(await (await send('index', starting.app)).json()).toEqual(
      versions('UNAVAILABLE', 'the agent is not ready'),
    );
    expect(await (await send('models/tiny/load')).json()).toEqual({});
    expect((await send('models/other/load')).status).toBe(404);
    const broken = serve({ reloadBundle: () => Promise.reject(new Error('level-1.onnx must hold 9 bytes')) });
    const refused = await send('models/tiny/load', broken.app);
    expect([refused.status, await refused.json()]).toEqual([
      400,
      { error: 'level-1.onnx must hold 9 bytes' },
    ]);
  });

  it('describes the model, each level being a version', async () => {
    const model = {
      name: 'tiny',
      versions: ['0', '1', '2'],
      platform: 'onnxruntime_onnx',
      inputs: [
        {
          name: 'image',
          datatype: 'FP32',
          shape: [-1, 1, 8, 8],
          parameters: {
            layout: 'NCHW',
            values:
              'pixels 0 to 255, one channel: grey; all rows of a channel, top to bottom, before the next channel',
            formula: '(value * scale - mean[channel]) / std[channel]',
            ...tinyManifest.input.preprocessing,
          },
        },
      ],
      outputs: [
        {
          name: 'logits',
          datatype: 'FP32',
          shape: [-1, 3],
          parameters: { values: 'logits', labels: tinyManifest.labels },
        },
      ],
      parameters: {
        levels: tinyManifest.levels.map(({ sparsity, macs, accuracy }, level) => ({
          version: String(level),
          sparsity,
          macs,
          accuracy: accuracy!.value,
        })),
      },
    };
    expect(await get('/v2/models/tiny')).toEqual([200, model]);
    expect(await get('/v2/models/tiny/versions/2')).toEqual([200, model]);
    expect((await get('/v2/models/tiny/versions/2/ready'))[0]).toBe(200);
  });

  it('answers 404 for an unknown model, version and path, with what is known', async () => {
    expect(await get('/v2/models/other')).toEqual([404, { error: expect.stringContaining('"tiny"') }]);
    for (const version of ['3', '-1', 'x', '99999999999'])
      expect(await get(`/v2/models/tiny/versions/${version}`)).toEqual([
        404,
        { error: expect.stringContaining('0 to 2') },
      ]);
    expect((await get('/metrics'))[0]).toBe(404);
    expect((await get('/v2/models/tiny/infer'))[0]).toBe(404);
    expect((await get('/v2/models/%zz'))[0]).toBe(404);
  });
});

describe('inference', () => {
  it('answers flat and nested data alike, and names the level', async () => {
    const { post, deadlines } = serve();
    const nested = [[Array.from({ length: 8 }, () => new Array(8).fill(0.5))]];
    for (const data of [inputs[0]!.data, nested]) {
      const response = await post({
        id: 'a1',
        inputs: [{ ...inputs[0], data }],
        parameters: { deadline_ms: 7 },
      });
      expect(response.status).toBe(200);
      expect(await response.json()).toEqual({
        model_name: 'tiny',
        model_version: '0',
        id: 'a1',
        parameters: { level: 0, infer_ms: 1, queue_ms: 0.25 },
        outputs: [{ name: 'logits', shape: [1, 3], datatype: 'FP32', data: [32, 0, 1] }],
      });
    }
    expect(deadlines).toEqual([7, 7]);
  });

  it('runs the level that the version names', async () => {
    const { post } = serve();
    const answer = await (await post({ inputs }, { path: '/versions/2' })).json();
    expect(answer).toMatchObject({ model_version: '2', parameters: { level: 2 } });
  });

  it('takes and gives tensors as bytes, wherever they lie in the body', async () => {
    const { post } = serve();
    for (const id of ['', 'a', 'ab', 'abc']) {
      const values = Float32Array.from({ length: 128 }, (_, i) => (i < 64 ? 1 : 2));
      const tensor = { name: 'image', shape: [2, 1, 8, 8], datatype: 'FP32' };
      const { body, headers } = binary(
        {
          id,
          inputs: [{ ...tensor, parameters: { binary_data_size: 512 } }],
          outputs: [{ name: 'logits', parameters: { binary_data: true } }],
        },
        new Uint8Array(values.buffer),
      );
      const response = await post(body, { headers });
      expect(response.status).toBe(200);
      const length = Number(response.headers.get('inference-header-content-length'));
      const answer = Buffer.from(await response.arrayBuffer());
      const json = JSON.parse(answer.subarray(0, length).toString());
      expect(json.outputs).toEqual([
        { name: 'logits', shape: [2, 3], datatype: 'FP32', parameters: { binary_data_size: 24 } },
      ]);
      const output = new Float32Array(Uint8Array.from(answer.subarray(length)).buffer);
      expect([...output]).toEqual([64, 0, 2, 128, 0, 2]);
    }
  });

  it('takes null for what is left out, as many clients write it, at every depth', async () => {
    const { post, deadlines } = serve();
    const [tensor] = inputs;
    const response = await post({
      id: null,
      parameters: { deadline_ms: null, min_accuracy: null, binary_data_output: null },
      inputs: [{ ...tensor, parameters: { binary_data_size: null, shared_memory_region: null } }],
      outputs: [{ name: 'logits', parameters: { classification: null, binary_data: null } }],
    });
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ outputs: [{ name: 'logits', data: [32, 0, 1] }] });
    const none = { id: null, parameters: null, inputs: [{ ...tensor, parameters: null }], outputs: null };
    expect((await post(none)).status).toBe(200);
    expect(deadlines).toEqual([undefined, undefined]);
    const bytes = new Uint8Array(new Float32Array(64).fill(0.5).buffer);
    const asBytes = { ...tensor, data: null, parameters: { binary_data_size: 256 } };
    const { body, headers } = binary({ inputs: [asBytes] }, bytes);
    expect((await post(body, { headers })).status).toBe(200);
    // What is required cannot be null, and null is no number.
    for (const wrong of [{ inputs: null }, { inputs: [{ ...tensor, shape: null }] }, { inputs: [null] }])
      expect((await post(wrong)).status).toBe(400);
    const hole = { ...tensor, data: [null, ...new Array(63).fill(0)] };
    expect(await (await post({ inputs: [hole] })).json()).toMatchObject({
      error: expect.stringMatching(/must hold finite float32 numbers: current value is null/),
    });
  });

  it('takes a body that is the tensor alone, and answers with bytes (raw binary request)', async () => {
    const { post } = serve();
    const raw = { headers: { 'Inference-Header-Content-Length': '0' } };
    const numbers = new Float32Array(128).fill(0.5, 0, 64).fill(2, 64);
    const response = await post(new Uint8Array(numbers.buffer), raw);
    expect(response.status).toBe(200);
    const jsonLength = Number(response.headers.get('inference-header-content-length'));
    const answer = Buffer.from(await response.arrayBuffer());
    expect(JSON.parse(answer.toString('utf8', 0, jsonLength))).toMatchObject({
      outputs: [{ name: 'logits', shape: [2, 3], parameters: { binary_data_size: 24 } }],
    });
    const logits = new Float32Array(
      answer.buffer.slice(answer.byteOffset + jsonLength, answer.byteOffset + answer.length),
    );
    expect([...logits]).toEqual([32, 0, 2, 128, 0, 2]);
    for (const size of [0, 255, 257, 5 * 256]) {
      const refused = await post(new Uint8Array(size), raw);
      expect([refused.status, await refused.json()]).toEqual([
        400,
        {
          error: expect.stringMatching(
            /input "image" alone, 256 bytes for each of 1 to 4 inputs: current value is "\d+ bytes"/,
          ),
        },
      ]);
    }
    const notFinite = new Uint8Array(new Float32Array(64).fill(Number.NaN).buffer);
    expect((await post(notFinite, raw)).status).toBe(400);
  });

  it('passes on a full queue as 503, and hides what broke inside as 500', async () => {
    const full = serve({ infer: () => Promise.reject(new RequestError(503, 'full')) });
    const response = await full.post({ inputs });
    expect([response.status, response.headers.get('retry-after')]).toEqual([503, '1']);
    const broken = serve({ infer: () => Promise.reject(new Error('secret path')) });
    const failed = await broken.post({ inputs });
    expect(failed.status).toBe(500);
    expect(await failed.text()).not.toContain('secret');
    expect(broken.errors).toHaveLength(1);
  });
});

describe('bad requests get 400 with the requirement, the value and the cure', () => {
  const { post } = serve();
  const [good] = inputs;
  const classes = (classification: unknown) => [{ name: 'logits', parameters: { classification } }];
  const shared = [{ name: 'logits', parameters: { shared_memory_region: 'region' } }];
  const cases: [string, unknown, RegExp][] = [
    ['no JSON', '{"inputs":', /must be JSON/],
    ['an empty body', '', /must be JSON/],
    ['JSON that is no object', '[1]', /body must be an object/],
    ['no inputs', {}, /inputs must be an array with one tensor, "image".*absent/],
    ['two inputs', { inputs: [good, good] }, /one tensor/],
    ['an input that is null', { inputs: [null] }, /inputs\[0\] must be an object/],
    ['a wrong name', { inputs: [{ ...good, name: 'x' }] }, /name must be "image".*"x"/],
    ['a wrong datatype', { inputs: [{ ...good, datatype: 'INT8' }] }, /datatype "FP32".*"INT8"/],
    ['a wrong shape', { inputs: [{ ...good, shape: [1, 8, 8, 1] }] }, /\[N, 1, 8, 8\].*\[1,8,8,1\]/],
    ['no shape', { inputs: [{ ...good, shape: undefined }] }, /must have shape/],
    ['a batch of none', { inputs: [{ ...good, shape: [0, 1, 8, 8], data: [] }] }, /N from 1 to 4/],
    ['a batch above the limit', { inputs: [{ ...good, shape: [5, 1, 8, 8] }] }, /N from 1 to 4.*max_batch/],
    ['half a batch', { inputs: [{ ...good, shape: [1.5, 1, 8, 8] }] }, /N from 1 to 4/],
    ['too few numbers', { inputs: [{ ...good, data: [1] }] }, /64 numbers.*current value is 1;/],
    ['too many numbers', { inputs: [{ ...good, data: new Array(65).fill(1) }] }, /current value is 65;/],
    ['text among numbers', { inputs: [{ ...good, data: ['1'] }] }, /finite float32.*"1"/],
    ['null among numbers', { inputs: [{ ...good, data: [null] }] }, /finite float32/],
    ['a number beyond float32', { inputs: [{ ...good, data: [1e39] }] }, /finite float32/],
    ['data nested too deep', { inputs: [{ ...good, data: [[[[[1]]]]] }] }, /nest at most 4/],
    ['no data', { inputs: [{ ...good, data: undefined }] }, /must have data/],
    ['a number as id', { id: 4, inputs }, /id must be text/],
    ['another output', { inputs, outputs: [{ name: 'x' }] }, /"logits".*"x"/],
    ['half a class', { inputs, outputs: classes(1.5) }, /classification.*whole number.*1\.5/],
    ['classes below nought', { inputs, outputs: classes(-1) }, /classification.*-1/],
    ['an output to shared memory', { inputs, outputs: shared }, /outputs\[0\].*shared memory.*"region"/],
    [
      'an input from shared memory',
      { inputs: [{ ...good, data: undefined, parameters: shared[0]!.parameters }] },
      /inputs\[0\].*shared memory.*"region"/,
    ],
    ['a deadline of nought', { inputs, parameters: { deadline_ms: 0 } }, /deadline_ms/],
    ['parameters that are no object', { inputs, parameters: 3 }, /parameters must be an object/],
  ];
  for (const [what, body, message] of cases) {
    it(what, async () => {
      const response = await post(body);
      expect(response.status).toBe(400);
      expect(((await response.json()) as { error: string }).error).toMatch(message);
    });
  }

  it('bytes of a wrong length, not finite, or announced wrongly', async () => {
    const bytes = new Uint8Array(256);
    const tensor = { name: 'image', shape: [1, 1, 8, 8], datatype: 'FP32' };
    const sized = (size: unknown) => ({
      inputs: [{ ...tensor, parameters: { binary_data_size: size } }],
    });
    const nan = new Uint8Array(Float32Array.from({ length: 64 }, () => Number.NaN).buffer);
    const wrong: [{ body: Uint8Array; headers: Record<string, string> }, RegExp][] = [
      [binary(sized(255), bytes), /binary_data_size 256/],
      [binary(sized('256'), bytes), /binary_data_size 256/],
      [binary(sized(256), bytes.subarray(1)), /256 bytes must follow/],
      [binary(sized(256), Buffer.concat([bytes, bytes])), /256 bytes must follow/],
      [binary(sized(256), nan), /finite/],
      [binary({ inputs: [tensor] }, bytes), /must have binary_data_size/],
      [binary({ inputs: [{ ...inputs[0], parameters: { binary_data_size: 256 } }] }, bytes), /either/],
    ];
    for (const length of ['x', '-1', '1e3', '999999'])
      wrong.push([
        { ...binary(sized(256), bytes), headers: { 'Inference-Header-Content-Length': length } },
        /length of the JSON/,
      ]);
    for (const [{ body, headers }, message] of wrong) {
      const response = await post(body, { headers });
      expect(response.status).toBe(400);
      expect(((await response.json()) as { error: string }).error).toMatch(message);
    }
  });

  it('anything at all: any JSON and any bytes are answered, never by a crash', async () => {
    const { post: send, errors } = serve();
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.json({ maxDepth: 4 }),
          fc.uint8Array({ maxLength: 400 }),
          fc.record({ inputs: fc.array(fc.record({ ...fcTensor }), { maxLength: 2 }) }),
        ),
        async (body) => {
          const { status } = await send(body);
          expect([200, 400]).toContain(status);
        },
      ),
      { numRuns: 150 },
    );
    expect(errors).toEqual([]);
  });
});

const fcTensor = {
  name: fc.constantFrom<unknown>('image', '', null, '__proto__'),
  shape: fc.constantFrom<unknown>([1, 1, 8, 8], [4, 1, 8, 8], [-1, 1, 8, 8], 'x', []),
  datatype: fc.constantFrom<unknown>('FP32', 'fp32', 3),
  data: fc.jsonValue({ maxDepth: 5 }),
  parameters: fc.jsonValue(),
};

describe('limits and keys', () => {
  it('a body above the limit is refused with 413, also where its length is not told', async () => {
    const { app, post } = serve();
    const long = 'x'.repeat(20_001);
    const told = await post(long, { headers: { 'content-length': '20001' } });
    expect(told.status).toBe(413);
    let pulled = 0;
    const endless = new ReadableStream<Uint8Array>({
      pull(controller) {
        pulled += 1;
        controller.enqueue(new Uint8Array(1000));
      },
    });
    const request = new Request(`${url}/infer`, {
      method: 'POST',
      headers: { host },
      body: endless,
      duplex: 'half',
    } as RequestInit);
    const untold = await app.request(request);
    expect(untold.status).toBe(413);
    expect(await untold.json()).toEqual({ error: expect.stringContaining('at most 20000 bytes') });
    expect(pulled).toBeLessThan(30);
  });

  it('a token is asked for everywhere but at the health paths', async () => {
    const { app } = serve({ token: 'a-long-enough-token' });
    const status = async (path: string, headers: Record<string, string> = {}) =>
      (await app.request(`http://host${path}`, { headers })).status;
    expect(await status('/v2/health/live')).toBe(200);
    expect(await status('/v2', { host })).toBe(401);
    expect(await status('/v2', { authorization: 'Bearer a-long-enough-token' })).toBe(200);
    expect(await status('/v2/health/../models/tiny')).toBe(401);
  });

  it('without a token a foreign name of this machine is refused everywhere but at the health paths', async () => {
    const { app, engine } = serve();
    const foreign = { host: 'evil.example:8080' };
    const infer = await app.request(`${url}/infer`, {
      method: 'POST',
      headers: foreign,
      body: JSON.stringify({ inputs }),
    });
    expect([infer.status, engine.ran]).toEqual([403, []]);
    expect(await infer.json()).toEqual({ error: expect.stringMatching(/"evil.example:8080".*localhost/) });
    for (const path of ['/v2/health/live', '/v2/health/ready'])
      expect((await app.request(`http://host${path}`, { headers: foreign })).status).toBe(200);
  });
});
