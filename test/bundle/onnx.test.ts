import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeModel } from '../../bundle/onnx/decode-model.ts';
import { encodeModel } from '../../bundle/onnx/encode-model.ts';
import { tinyModel } from '../tiny-bundle.ts';

describe('ONNX codec', () => {
  it('decodes what it encoded, to the bit', () => {
    const model = tinyModel(5, 1);
    expect(decodeModel(encodeModel(model))).toEqual(model);
  });

  it('keeps every kind of attribute and int64 tensors', () => {
    const model = tinyModel(2, 1);
    model.nodes[0]!.attributes = {
      auto_pad: { type: 'STRING', value: 'NOTSET' },
      group: { type: 'INT', value: 1 },
      alpha: { type: 'FLOAT', value: 0.5 },
      scales: { type: 'FLOATS', value: [1, 0.25] },
      pads: { type: 'INTS', value: [0, -1] },
    };
    model.initializers.push({ name: 'shape', dims: [2], data: BigInt64Array.from([-1n, 64n]) });
    expect(decodeModel(encodeModel(model))).toEqual(model);
  });

  it('refuses a tensor that does not fill its dimensions', () => {
    const model = tinyModel(2, 1);
    model.initializers[0]!.dims = [3, 1, 3, 3];
    expect(() => encodeModel(model)).toThrow('"conv.weight" as it must hold 27 numbers: current value is 18');
  });

  it('refuses bytes that are no model with an error, never a crash', () => {
    const valid = encodeModel(tinyModel(2, 1));
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 200 }),
        fc.nat(valid.length - 1),
        fc.nat(255),
        (junk, at, byte) => {
          const changed = Uint8Array.from(valid);
          changed[at] = byte;
          for (const bytes of [junk, changed, valid.subarray(0, at)]) {
            try {
              expect(decodeModel(bytes)).toHaveProperty('nodes');
            } catch (error) {
              expect(error).toBeInstanceOf(Error);
              expect((error as Error).message).toMatch(/^Cannot read/);
            }
          }
        },
      ),
    );
  });
});
