import { describe, expect, it } from 'vitest';
import { decodeModel } from '../../bundle/onnx/decode-model.ts';
import { encodeModel } from '../../bundle/onnx/encode-model.ts';
import { granularities } from '../../trainer/ast/masks/mask-scheme.ts';
import { encodeLevels } from '../../trainer/export/export-bundle.ts';
import { readTrainedNet } from '../../trainer/export/read-trained-net.ts';
import { netByName } from '../../trainer/net/net-by-name.ts';
import { bundleOf, untrainedNet } from './trained-fixture.ts';

describe('readTrainedNet()', () => {
  for (const net of ['resnet8', 'dscnn', 'mlp', 'resnet8-w0.5'])
    for (const granularity of granularities)
      it(`reads ${net} with ${granularity} masks so that its export is the same bytes again`, () => {
        const bundle = bundleOf(untrainedNet({ net, granularity }));
        const again = encodeLevels(readTrainedNet(bundle));
        expect(again).toHaveLength(3);
        for (const [level, { onnx, ...counts }] of again.entries()) {
          expect(Buffer.compare(onnx, bundle.models[level]!)).toBe(0);
          expect(bundle.manifest.levels[level]).toMatchObject(counts);
        }
      });

  it('reads a bundle whose densest level is sparse already', () => {
    for (const granularity of ['element', 'channel'] as const) {
      const bundle = bundleOf(untrainedNet({ granularity, levels: '0.5,0.8' }));
      const again = encodeLevels(readTrainedNet(bundle));
      expect(again.map(({ onnx }, level) => Buffer.compare(onnx, bundle.models[level]!))).toEqual([0, 0]);
    }
  });

  it('keeps the bits of a weight of -0', () => {
    const net = untrainedNet();
    net.weights.get('block1.conv1')![3] = -0;
    net.levels[0]!.masks.get('block1.conv1')![3] = 1;
    const bundle = bundleOf(net);
    expect(Object.is(readTrainedNet(bundle).weights.get('block1.conv1')![3], -0)).toBe(true);
  });

  it('refuses bundles that ebb train did not write, and nets and granularities that it does not know', () => {
    const net = untrainedNet();
    const { training, ...rest } = bundleOf(net).manifest;
    const read = (change: object) => () =>
      readTrainedNet({ ...bundleOf(net), manifest: { ...rest, ...change } });
    expect(read({})).toThrow(
      'must say how it was trained: it says nothing; name a bundle that "ebb train" wrote',
    );
    expect(read({ training, nested: false })).toThrow('its levels must be nested: they are not');
    expect(read({ training: { ...training, net: 'resnet9' } })).toThrow(
      'current value is "resnet9"; use the ebb',
    );
    expect(read({ training: { ...training, net: 'constructor' } })).toThrow('current value is "constructor"');
    expect(read({ training: { ...training, granularity: 'row' } })).toThrow(
      'current value is "row"; use the ebb',
    );
    expect(read({ training: { ...training, net: 'resnet8-w0.5' } })).toThrow(
      'net "resnet8-w0.5": "stem.conv.weight" is 16 x 1 x 3 x 3 instead of at most 8 x 1 x 3 x 3; train it again',
    );
    expect(read({ training: { ...training, net: 'dscnn' } })).toThrow(
      'its models must be those of net "dscnn": there is no "block1.depthwise.weight"',
    );
  });

  it('refuses levels that are not nested, or that were written otherwise', () => {
    for (const granularity of ['element', 'channel'] as const) {
      const bundle = bundleOf(untrainedNet({ granularity }));
      const withChange = (name: string, index: number, change: (value: number) => number) => {
        const model = decodeModel(bundle.models[2]!);
        const { data } = model.initializers.find((tensor) => tensor.name === name)!;
        data[index] = change(Number(data[index]));
        return { ...bundle, models: bundle.models.with(2, encodeModel(model)) };
      };
      for (const name of ['block1.conv1.weight', 'stem.conv.weight', 'dense.weight', 'dense.bias']) {
        const changed = withChange(name, 0, (value) => value + 0.5);
        expect(() => readTrainedNet(changed)).toThrow('its levels must be nested: level 2 has weights');
      }
      expect(() => readTrainedNet(withChange('stem.norm.mean', 0, (value) => value + 1))).not.toThrow();
      const model = decodeModel(bundle.models[1]!);
      model.nodes.find(({ opType }) => opType === 'Conv')!.attributes.pads = {
        type: 'INTS',
        value: [0, 0, 2, 2],
      };
      const padded = { ...bundle, models: bundle.models.with(1, encodeModel(model)) };
      expect(() => readTrainedNet(padded)).toThrow('as "ebb train" writes them: level 1 differs');
    }
  });

  it('refuses a sparser level that keeps what a denser one has pruned', () => {
    const net = untrainedNet();
    const bundle = bundleOf(net);
    const [, middle, last] = bundle.models as [Uint8Array, Uint8Array, Uint8Array];
    const swapped = { ...bundle, models: [bundle.models[0]!, last, middle] };
    expect(() => readTrainedNet(swapped)).toThrow(
      'its levels must be nested: level 2 has weights that level 0 or 1',
    );
  });
});

describe('netByName()', () => {
  it('builds the net of a name with its width', () => {
    const options = { input: [8, 8, 1] as [number, number, number], classes: 3 };
    expect(netByName('resnet20', options)?.name).toBe('resnet20');
    expect(netByName('dscnn-w0.25', options)?.name).toBe('dscnn-w0.25');
    expect(netByName('resnet8-w1', options)).toBeUndefined();
    expect(netByName('toString', options)).toBeUndefined();
  });
});
