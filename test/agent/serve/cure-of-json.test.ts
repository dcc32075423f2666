import { expect, it } from 'vitest';
import { binary, serve } from './serve-app.ts';

const inputs = [{ name: 'image', shape: [1, 1, 8, 8], datatype: 'FP32', data: new Array(64).fill(0.5) }];

it('a body that is no JSON is told what fits it', async () => {
  const { post } = serve();
  const header = { 'Inference-Header-Content-Length': '20' };
  const cases: [string | Uint8Array, RegExp, Record<string, string>?][] = [
    [JSON.stringify({ inputs }).replace('0.5', 'NaN'), /neither NaN nor Infinity/],
    [JSON.stringify({ inputs }).replace('0.5', '-Infinity'), /neither NaN nor Infinity/],
    ['{"inputs":', /; mend it/],
    [' ', /; send an object with inputs/],
    [binary({ inputs }, new Uint8Array(8)).body, /; with tensors as bytes send the header/],
    [new Uint8Array(40), /; with tensors as bytes send the header/],
    [new Uint8Array(40), /; the header Inference-Header-Content-Length must count/, header],
  ];
  for (const [body, cure, headers = {}] of cases) {
    const response = await post(body, { headers });
    expect(response.status).toBe(400);
    expect(((await response.json()) as { error: string }).error).toMatch(cure);
  }
});
