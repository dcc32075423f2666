import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { channelStatistics } from '../../trainer/data/data-set.ts';
import { drawShapes } from '../../trainer/data/shapes/draw-shapes.ts';
import { figures } from '../../trainer/data/shapes/outlines.ts';

const hash = (values: ArrayLike<number>) =>
  createHash('sha256').update(Uint8Array.from(values)).digest('hex').slice(0, 16);

describe('drawShapes()', () => {
  it('draws the same bytes on every machine', async () => {
    const { train, test } = await drawShapes({ train: 200, test: 100 });
    expect([train.inputs, train.labels, test.inputs, test.labels].map(hash)).toEqual([
      '08050650c7781845',
      '1fdd2bd7c60e6eb5',
      '053710ce443de62b',
      '9c6c48394dbc31b4',
    ]);
  });

  it('draws ten classes, equally often in either split', async () => {
    const data = await drawShapes({ train: 300, test: 100 });
    expect(data.labels).toHaveLength(10);
    expect(new Set(data.labels).size).toBe(10);
    for (const [split, each] of [
      [data.train, 30],
      [data.test, 10],
    ] as const)
      expect(data.labels.map((_, label) => split.labels.filter((x) => x === label).length)).toEqual(
        Array.from({ length: 10 }, () => each),
      );
  });

  it('mixes the classes', async () => {
    const { labels } = (await drawShapes({ train: 200, test: 10 })).train;
    const inOrder = labels.filter((label, i) => label === i % 10).length;
    expect(inOrder).toBeLessThan(60);
  });

  it('draws other images for another seed, and the same test images whatever the size of the training split', async () => {
    const small = await drawShapes({ train: 20, test: 50 });
    expect(hash((await drawShapes({ train: 20, test: 50, seed: 2 })).test.inputs)).not.toBe(
      hash(small.test.inputs),
    );
    expect((await drawShapes({ train: 100, test: 50 })).test).toEqual(small.test);
  });

  it('gives no image twice, and none of the training split to the test split', async () => {
    const { train, test } = await drawShapes({ train: 400, test: 200 });
    const hashes = [train, test].flatMap(({ inputs, count }) =>
      Array.from({ length: count }, (_, i) => hash(inputs.subarray(i * 784, (i + 1) * 784))),
    );
    expect(new Set(hashes).size).toBe(600);
  });

  it('uses the range of greys, and says its mean and deviation', async () => {
    const { train, scale, mean, std } = await drawShapes({ train: 200, test: 10 });
    expect({ scale, mean, std }).toEqual(channelStatistics(train, 1, 1 / 255));
    expect(mean[0]).toBeGreaterThan(0.25);
    expect(mean[0]).toBeLessThan(0.5);
    expect(std[0]).toBeGreaterThan(0.15);
  });
});

describe('figures', () => {
  for (const { name, distance } of figures) {
    it(`${name}: lies within the unit circle, is its own mirror image, and its distance never jumps`, async () => {
      let inside = 0;
      for (let row = -30; row <= 30; row += 1) {
        for (let column = -30; column <= 30; column += 1) {
          const [x, y] = [column / 20, row / 20];
          const value = distance(x, y);
          if (value < 0) inside += 1;
          expect(value < 0 && Math.sqrt(x * x + y * y) > 1.001).toBe(false);
          expect(Math.abs(value - distance(-x, y))).toBeLessThan(1e-6);
          // A distance changes by no more than the way gone.
          expect(Math.abs(value - distance(x + 0.05, y))).toBeLessThan(0.05 + 1e-6);
          expect(Math.abs(value - distance(x, y + 0.05))).toBeLessThan(0.05 + 1e-6);
        }
      }
      expect(inside).toBeGreaterThan(300);
      expect(inside).toBeLessThan(1100);
    });
  }
});

describe('channelStatistics()', () => {
  it('counts each channel by itself, and gives a constant one the deviation 1', async () => {
    const split = { inputs: Uint8Array.from([0, 51, 255, 51]), labels: Uint16Array.from([0, 1]), count: 2 };
    const { mean, std } = channelStatistics(split, 2, 1 / 255);
    expect(mean[0]).toBeCloseTo(0.5, 12);
    expect(mean[1]).toBeCloseTo(0.2, 12);
    expect(std).toEqual([0.5, 1]);
  });
});
