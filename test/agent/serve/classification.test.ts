import fc from 'fast-check';
import { expect, it } from 'vitest';
import { topClasses } from '../../../agent/serve/top-classes.ts';
import { tinyManifest } from '../fake-engine.ts';
import { serve } from './serve-app.ts';

const inputs = [{ name: 'image', shape: [1, 1, 8, 8], datatype: 'FP32', data: new Array(64).fill(0.5) }];

it('classes go back as text, as many as are asked for and there are, in JSON and as bytes', async () => {
  const { post } = serve();
  // Row i of the fake engine's output is [sum, level, batch].
  const ask = (classification: number, more: object = {}) => ({
    inputs: [
      { ...inputs[0], shape: [2, 1, 8, 8], data: [...new Array(64).fill(-1), ...new Array(64).fill(1)] },
    ],
    outputs: [{ name: 'logits', parameters: { classification, ...more } }],
  });
  const [a, b, c] = tinyManifest.labels;
  const rows = [
    [`2.000000:2:${c}`, `0.000000:1:${b}`, `-64.000000:0:${a}`],
    [`64.000000:0:${a}`, `2.000000:2:${c}`, `0.000000:1:${b}`],
  ];
  for (const count of [1, 2, 3, 9]) {
    const data = rows.flatMap((row) => row.slice(0, count));
    const shape = [2, Math.min(count, 3)];
    const json = (await (await post(ask(count))).json()) as { outputs: unknown[] };
    expect(json.outputs).toEqual([{ name: 'logits', shape, datatype: 'BYTES', data }]);
    const response = await post(ask(count, { binary_data: true }));
    const length = Number(response.headers.get('inference-header-content-length'));
    const body = Buffer.from(await response.arrayBuffer());
    const bytes = body.subarray(length);
    expect(JSON.parse(body.subarray(0, length).toString()).outputs).toEqual([
      { name: 'logits', shape, datatype: 'BYTES', parameters: { binary_data_size: bytes.length } },
    ]);
    const texts: string[] = [];
    for (let at = 0; at < bytes.length; at += 4 + bytes.readUInt32LE(at))
      texts.push(bytes.subarray(at + 4, at + 4 + bytes.readUInt32LE(at)).toString());
    expect(texts).toEqual(data);
  }
  const whole = (await (await post(ask(0))).json()) as { outputs: unknown[] };
  expect(whole.outputs).toMatchObject([{ shape: [2, 3], datatype: 'FP32' }]);
});

it('the highest come first, of equal ones the one of the lower index, as a whole sort has them', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: -3, max: 3 }), { minLength: 1, maxLength: 12 }),
      fc.integer({ min: 1, max: 14 }),
      (values, count) => {
        const order = values.map((value, index) => ({ value, index })).sort((a, b) => b.value - a.value);
        const texts = topClasses({ output: Float32Array.from(values), batch: 1, labels: ['first'], count });
        expect(texts).toEqual(
          order
            .slice(0, count)
            .map(({ value, index }) => `${value.toFixed(6)}:${index}${index === 0 ? ':first' : ''}`),
        );
      },
    ),
  );
});

it('as many come where some are no numbers', () => {
  const output = Float32Array.of(Number.NaN, 1, 2, Number.NaN, 3, 4);
  for (const count of [1, 2, 3])
    expect(topClasses({ output, batch: 2, labels: [], count })).toHaveLength(2 * count);
});
