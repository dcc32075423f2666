import { expect, it } from 'vitest';
import { tinyManifest } from '../fake-engine.ts';
import { host, send, serve, url } from './serve-app.ts';

it('the configuration is what a Triton client asks for, of the model and of a version', async () => {
  const served = serve();
  const config = {
    name: 'tiny',
    platform: 'onnxruntime_onnx',
    backend: 'onnxruntime',
    version_policy: { all: {} },
    max_batch_size: 4,
    input: [{ name: 'image', data_type: 'TYPE_FP32', format: 'FORMAT_NCHW', dims: [1, 8, 8] }],
    output: [{ name: 'logits', data_type: 'TYPE_FP32', dims: [3] }],
  };
  for (const path of ['', '/versions/2'])
    expect(await send(served, `/v2/models/tiny${path}/config`)).toMatchObject({ status: 200, body: config });
  expect((await send(served, '/v2/models/tiny/versions/3/config')).status).toBe(404);
  expect((await send(served, '/v2/models/other/config')).status).toBe(404);
});

it('statistics are counted since the start, each level being a version', async () => {
  const served = serve();
  served.totals.answered({ level: 1, batch: 4, startMs: -5000, latencyMs: 2, inferMs: 1, queueMs: 0.5 });
  served.totals.answered({ level: 1, batch: 1, startMs: -3000, latencyMs: 1, inferMs: 0.25 });
  served.totals.failed({ level: 1, startMs: -4000, latencyMs: 8 });
  const none = { count: 0, ns: 0 };
  const all = await send(served, '/v2/models/stats');
  expect(all.body.model_stats.map(({ version }: { version: string }) => version)).toEqual(['0', '1', '2']);
  expect(await send(served, '/v2/models/tiny/stats')).toMatchObject({ status: 200, body: all.body });
  const one = await send(served, '/v2/models/tiny/versions/1/stats');
  expect(one.body).toEqual({
    model_stats: [
      {
        name: 'tiny',
        version: '1',
        last_inference: 1_699_999_997_000,
        inference_count: 5,
        execution_count: 2,
        inference_stats: {
          success: { count: 2, ns: 3_000_000 },
          fail: { count: 1, ns: 8_000_000 },
          queue: { count: 2, ns: 500_000 },
          compute_input: { count: 2, ns: 0 },
          compute_infer: { count: 2, ns: 1_250_000 },
          compute_output: { count: 2, ns: 0 },
          cache_hit: none,
          cache_miss: none,
        },
        batch_stats: [],
      },
    ],
  });
  expect(all.body.model_stats[1]).toEqual(one.body.model_stats[0]);
  expect(all.body.model_stats[0]).toMatchObject({ last_inference: 0, inference_stats: { success: none } });
  expect((await send(served, '/v2/models/other/stats')).status).toBe(404);
  expect((await send(served, '/v2/models/tiny/versions/3/stats')).status).toBe(404);
});

it('a level that the bundle does not have is not counted, however often it is asked for', () => {
  const { totals } = serve();
  for (const level of [3, 1e9, Number.NaN]) totals.failed({ level, startMs: 0, latencyMs: 1 });
  expect(totals.of(3).failed).toBe(0);
});

it('a model of the name "stats" keeps its metadata, and has its statistics below it', async () => {
  const served = serve({ manifest: { ...tinyManifest, name: 'stats' } });
  expect((await send(served, '/v2/models/stats')).body).toMatchObject({
    name: 'stats',
    versions: ['0', '1', '2'],
  });
  expect((await send(served, '/v2/models/stats/stats')).body.model_stats).toHaveLength(3);
  expect((await send(served, '/v2/models/stats/versions/0/stats')).body.model_stats).toHaveLength(1);
});

it('a model whose name holds slashes is unknown; a wrong path below the model has the list of routes', async () => {
  const served = serve();
  for (const path of ['/v2/models/no%20pe/x/infer', '/v2/models/no%20pe/x/versions/1/infer'])
    expect(await send(served, path, '{}')).toMatchObject({
      status: 404,
      body: { error: expect.stringMatching(/name must be "tiny".*"no pe\/x"/) },
    });
  expect((await send(served, '/v2/repository/models/a/b/unload', '')).body.error).toContain('"a/b"');
  for (const path of ['/v2/models/tiny/trace/setting', '/v2/models/tiny/infer', '/v2/logging', '/v2/models/'])
    expect(await send(served, path)).toMatchObject({
      status: 404,
      body: { error: expect.stringContaining('known are GET /v2') },
    });
});

it('the router stays the fast one: no two routes overlap', async () => {
  const { app } = serve();
  await app.request(`${url}/ready`, { headers: { host } });
  expect(app.router.name).toBe('SmartRouter + RegExpRouter');
});
