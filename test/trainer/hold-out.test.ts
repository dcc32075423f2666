import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { channelStatistics, type DataSet, type Split } from '../../trainer/data/data-set.ts';
import { holdOut } from '../../trainer/data/hold-out.ts';

/** A split whose sample i is the vector (i, -i). */
function numbered(labels: number[]): Split {
  const inputs = Float32Array.from(
    { length: 2 * labels.length },
    (_, i) => (i % 2 ? -1 : 1) * Math.floor(i / 2),
  );
  return { inputs, labels: Uint16Array.from(labels), count: labels.length };
}

function dataSet(trainLabels: number[], classes: number): DataSet {
  const train = numbered(trainLabels);
  return {
    name: 'numbered',
    labels: Array.from({ length: classes }, (_, i) => `class ${i}`),
    height: 1,
    width: 1,
    channels: 2,
    train,
    test: numbered([0]),
    ...channelStatistics(train, 2, 1),
    augment: { pad: 0, flip: false },
  };
}

const ids = ({ inputs, count }: Split) => Array.from({ length: count }, (_, i) => inputs[2 * i]!);
const counts = ({ labels }: Split, classes: number) =>
  Array.from({ length: classes }, (_, label) => labels.filter((other) => other === label).length);

describe('holdOut()', () => {
  it('cuts the training split in two, class by class, to within one sample', () => {
    const sizes = fc.array(fc.integer({ min: 2, max: 30 }), { minLength: 2, maxLength: 6 });
    const share = fc.double({ min: 0, max: 0.5, noNaN: true });
    const most = fc.option(fc.nat(60), { nil: undefined });
    fc.assert(
      fc.property(sizes, share, fc.integer(), most, (sizes, share, seed, most) => {
        const labels = sizes.flatMap((size, label) => new Array<number>(size).fill(label)).reverse();
        const wanted = Math.min(Math.round(labels.length * share), most ?? labels.length);
        const { train, validation } = holdOut(dataSet(labels, sizes.length), { share, seed, most });
        const all = [...ids(train), ...ids(validation)];
        expect(all.sort((a, b) => a - b)).toEqual(labels.map((_, i) => i));
        for (const split of [train, validation])
          expect(Array.from(split.labels)).toEqual(ids(split).map((id) => labels[id]));
        expect(validation.count).toBe(wanted);
        for (const [label, count] of counts(validation, sizes.length).entries())
          expect(Math.abs(count - (sizes[label]! * wanted) / labels.length)).toBeLessThan(1);
      }),
    );
  });

  it('depends on the seed alone', () => {
    const data = dataSet(
      Array.from({ length: 200 }, (_, i) => i % 4),
      4,
    );
    const draw = (seed: number) => ids(holdOut(data, { share: 0.1, seed }).validation);
    expect(draw(5)).toEqual(draw(5));
    expect(draw(5)).not.toEqual(draw(6));
  });

  it('takes mean and deviation of what stays, and leaves the test split alone', () => {
    const data = dataSet(
      Array.from({ length: 50 }, (_, i) => i % 5),
      5,
    );
    const held = holdOut(data, { share: 0.2, seed: 2 });
    const { mean, std, scale } = held;
    expect({ mean, std, scale }).toEqual(channelStatistics(held.train, 2, 1));
    expect(mean).not.toEqual(data.mean);
    expect(held.test).toBe(data.test);
    expect(data.train.count).toBe(50);
  });

  it('sets nothing aside for share 0', () => {
    const data = dataSet([0, 1, 0, 1], 2);
    const held = holdOut(data, { share: 0, seed: 1 });
    expect(held).toEqual({
      ...data,
      validation: { inputs: new Float32Array(0), labels: new Uint16Array(0), count: 0 },
    });
  });

  it('refuses to take the last training sample of a class', () => {
    const data = dataSet([0, 0, 0, 1], 2);
    expect(() => holdOut(data, { share: 0.9, seed: 1 })).toThrow(
      'Cannot hold out 4 of 4 training samples as every class must keep one: current number of class "class 0" is 3, of which 3 would go; hold out a smaller share, or add samples of it',
    );
  });

  it('refuses options that mean nothing', () => {
    const data = dataSet([0, 1], 2);
    for (const share of [-0.1, 1, Number.NaN])
      expect(() => holdOut(data, { share, seed: 1 })).toThrow(RangeError);
    expect(() => holdOut(data, { share: 0.1, seed: 1, most: 1.5 })).toThrow('current value is 1.5');
  });
});
