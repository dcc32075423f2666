import { expect, it } from 'vitest';
import { send, serve } from './serve-app.ts';

it('the agent keeps its bundle: unload is refused for good, load takes no configuration', async () => {
  let reloads = 0;
  const served = serve({
    reloadBundle: async () => {
      reloads += 1;
      return 'the bundle has not changed';
    },
  });
  const unload = await send(served, '/v2/repository/models/tiny/unload', '{}');
  expect([unload.status, unload.headers.get('retry-after')]).toEqual([503, null]);
  expect(unload.body.error).toMatch(/explicit model load \/ unload is not allowed.*keeps its bundle/);
  expect((await send(served, '/v2/repository/models/other/unload', '')).status).toBe(404);
  for (const key of ['config', 'file:1/model.onnx']) {
    const load = await send(
      served,
      '/v2/repository/models/tiny/load',
      JSON.stringify({ parameters: { [key]: '{}' } }),
    );
    expect([load.status, load.body.error]).toEqual([
      400,
      expect.stringContaining(`parameters.${key} is not supported`),
    ]);
  }
  expect((await send(served, '/v2/repository/models/tiny/load', 'x')).status).toBe(400);
  expect(reloads).toBe(0);
  for (const body of ['', '{}', 'null', '{"parameters":{"unload_dependents":true}}'])
    expect((await send(served, '/v2/repository/models/tiny/load', body)).status).toBe(200);
  expect(reloads).toBe(4);
});
