import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { expandToNorms, expandToWeights, rankedChannelMasks } from '../../trainer/ast/channel-masks.ts';
import { globalMagnitudeMasks } from '../../trainer/ast/global-magnitude.ts';
import { createGradientCorrection } from '../../trainer/ast/gradient-correction.ts';
import { assertNested } from '../../trainer/ast/masks.ts';
import {
  frozenFrom,
  learningRateAt,
  levelAt,
  maskUpdates,
  rampDensity,
  rampEnd,
} from '../../trainer/ast/schedule.ts';
import { sgdStep } from '../../trainer/ast/sgd.ts';
import { initialWeights, layoutOf } from '../../trainer/net/parameters.ts';
import { resnet8 } from '../../trainer/net/resnet8.ts';
import { createRandom } from '../../trainer/random.ts';

describe('the schedule', () => {
  it('trains level t mod N in iteration t', () => {
    expect([0, 1, 2, 3, 4].map((t) => levelAt(t, 3))).toEqual([0, 1, 2, 0, 1]);
  });

  it('ramps the density cubically from 1 to its target', () => {
    expect(rampDensity(0.1, 0)).toBe(1);
    expect(rampDensity(0.1, 0.5)).toBeCloseTo(0.1 + 0.9 / 8, 12);
    expect(rampDensity(0.1, 1)).toBeCloseTo(0.1, 12);
    expect(rampDensity(1, 0.3)).toBe(1);
  });

  it('lowers the learning rate as a cosine from its peak towards 0', () => {
    expect(learningRateAt(0, 100, 0.2)).toBeCloseTo(0.2, 12);
    expect(learningRateAt(50, 100, 0.2)).toBeCloseTo(0.1, 12);
    expect(learningRateAt(99, 100, 0.2)).toBeLessThan(1e-4);
  });

  it('updates masks at the beginnings of groups, ends the ramp, and freezes the last quarter', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5000 }), fc.integer({ min: 1, max: 6 }), (total, levels) => {
        const updates = [...maskUpdates(total, levels)].sort(([a], [b]) => a - b);
        const iterations = updates.map(([iteration]) => iteration);
        const progress = updates.map(([, share]) => share);
        expect(iterations[0]).toBe(0);
        expect(iterations.every((iteration) => iteration % levels === 0)).toBe(true);
        expect(iterations.every((iteration) => iteration <= frozenFrom * total)).toBe(true);
        expect(progress).toEqual(progress.toSorted((a, b) => a - b));
        expect(progress.at(-1)).toBe(1);
        const done = iterations[progress.indexOf(1)]!;
        expect(Math.abs(done - rampEnd * total)).toBeLessThanOrEqual(levels);
      }),
    );
  });
});

describe('globalMagnitudeMasks()', () => {
  const densities = fc
    .array(fc.integer({ min: 0, max: 100 }), { minLength: 1, maxLength: 5 })
    .map((percents) => percents.toSorted((a, b) => b - a).map((percent) => percent / 100));
  // Few distinct values, so that ties are common.
  const weights = fc.array(fc.integer({ min: -4, max: 4 }), { minLength: 10, maxLength: 60 });

  it('keeps exactly the asked share of the largest magnitudes, nested, whatever the ties', () => {
    fc.assert(
      fc.property(weights, densities, (values, shares) => {
        const vector = Float32Array.from(values);
        const ranges = [
          { offset: 2, size: 3 },
          { offset: 6, size: values.length - 6 },
        ];
        const masks = globalMagnitudeMasks(vector, ranges, shares);
        assertNested(masks);
        masks.forEach((mask, level) => {
          const maskable = [...values.keys()].filter((i) => (i >= 2 && i < 5) || i >= 6);
          const kept = maskable.filter((i) => mask[i] === 1);
          const gone = maskable.filter((i) => mask[i] === 0);
          expect(kept.length).toBe(Math.round(shares[level]! * maskable.length));
          expect([0, 1, 5].every((i) => mask[i] === 1)).toBe(true);
          const least = Math.min(...kept.map((i) => Math.abs(values[i]!)));
          expect(gone.every((i) => Math.abs(values[i]!) <= least)).toBe(true);
        });
      }),
    );
  });

  it('is guarded by assertNested(), which refuses a sparser level with a weight of its own', () => {
    const masks = [Uint8Array.from([1, 0, 1]), Uint8Array.from([0, 1, 1])];
    expect(() => assertNested(masks)).toThrow(/level 1 must be nested in level 0: weight 1/);
  });
});

describe('createGradientCorrection()', () => {
  const tensors = [
    { offset: 0, size: 2 },
    { offset: 2, size: 2 },
  ];
  const first = () => Float32Array.from([1, 0, 0, 2, 9]);
  const second = () => Float32Array.from([-3, 4, 5, 6, -9]);

  it('projects the tensors in conflict and leaves the others and the rest alone', () => {
    const correction = createGradientCorrection(tensors, true);
    expect(correction.apply(first(), true)).toBe(0);
    const gradient = second();
    expect(correction.apply(gradient, false)).toBe(1);
    // <g, h> = -3, ||h||^2 = 1: g + 3h; the second tensor agrees (12), the fifth number is no tensor's.
    expect([...gradient]).toEqual([0, 4, 5, 6, -9]);
  });

  it('leaves the first iteration of a group alone, and forgets the group before', () => {
    const correction = createGradientCorrection(tensors, true);
    const alone = first();
    correction.apply(alone, true);
    expect(alone).toEqual(first());
    const gradient = second();
    expect(correction.apply(gradient, true)).toBe(0);
    expect(gradient).toEqual(second());
  });

  it('compares with the previous gradient as it was before its own correction', () => {
    const correction = createGradientCorrection([{ offset: 0, size: 2 }], true);
    correction.apply(Float32Array.from([1, 0]), true);
    correction.apply(Float32Array.from([-1, 1]), false);
    const third = Float32Array.from([1, 0]);
    // Against (-1, 1), not against the corrected (0, 1), to which it is orthogonal.
    expect(correction.apply(third, false)).toBe(1);
    expect([...third]).toEqual([0.5, 0.5]);
  });

  it('leaves everything alone where it is off', () => {
    const correction = createGradientCorrection(tensors, false);
    correction.apply(first(), true);
    const gradient = second();
    expect(correction.apply(gradient, false)).toBe(0);
    expect(gradient).toEqual(second());
  });

  it('is safe where the previous gradient is zero', () => {
    const correction = createGradientCorrection(tensors, true);
    correction.apply(new Float32Array(5), true);
    const gradient = second();
    expect(correction.apply(gradient, false)).toBe(0);
    expect(gradient).toEqual(second());
  });

  it('leaves no conflict, whatever the gradients', () => {
    const numbers = fc.array(fc.integer({ min: -100, max: 100 }), { minLength: 4, maxLength: 4 });
    fc.assert(
      fc.property(numbers, numbers, (h, g) => {
        const correction = createGradientCorrection(tensors, true);
        correction.apply(Float32Array.from(h), true);
        const gradient = Float32Array.from(g);
        correction.apply(gradient, false);
        for (const { offset } of tensors) {
          const product = h[offset]! * gradient[offset]! + h[offset + 1]! * gradient[offset + 1]!;
          expect(product).toBeGreaterThan(-0.01);
        }
      }),
    );
  });
});

describe('rankedChannelMasks()', () => {
  const graph = resnet8({ input: [28, 28, 1], classes: 10 });
  const layout = layoutOf(graph);
  const maskable = layout.weights.filter(({ node }) => node.kind === 'conv' && node.maskable);
  const total = maskable.reduce((sum, slot) => sum + slot.size, 0);

  it('is nested, comes near the target sparsity and leaves no stream without channels', () => {
    const targets = fc
      .array(fc.integer({ min: 0, max: 97 }), { minLength: 1, maxLength: 4 })
      .map((percents) => percents.toSorted((a, b) => a - b).map((percent) => percent / 100));
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1000 }), targets, (seed, sparsities) => {
        const weights = initialWeights(layout, createRandom(seed));
        const channels = rankedChannelMasks(graph, layout, weights, sparsities);
        const masks = expandToWeights(layout, channels);
        assertNested(masks);
        masks.forEach((mask, level) => {
          const kept = maskable.reduce((sum, { offset, size }) => {
            return sum + mask.subarray(offset, offset + size).reduce((count, bit) => count + bit, 0);
          }, 0);
          // At most half a block off.
          const tolerance = sparsities[level]! > 0.9 ? 0.02 : 0.1;
          expect(Math.abs(1 - kept / total - sparsities[level]!)).toBeLessThan(tolerance);
          for (const mask of channels[level]!.values())
            expect(mask.reduce((sum, bit) => sum + bit, 0)).toBeGreaterThanOrEqual(4);
        });
      }),
      { numRuns: 30 },
    );
  });

  it('removes the block of channels with the least weights first', () => {
    const weights = initialWeights(layout, createRandom(1));
    const slot = layout.weights.find(({ node }) => node.name === 'block2.conv1')!;
    const out = layout.weights.find(({ node }) => node.name === 'block2.conv2')!;
    const isSmall = (channel: number) => channel % 2 === 1;
    for (let i = 0; i < slot.size; i += 1) if (isSmall(i % 32)) weights[slot.offset + i]! *= 0.01;
    for (let i = 0; i < out.size; i += 1)
      if (isSmall(Math.floor(i / 32) % 32)) weights[out.offset + i]! *= 0.01;
    const [level] = rankedChannelMasks(graph, layout, weights, [0.1]);
    expect(Array.from(level!.get('block2')!, (kept) => kept === 0)).toEqual(
      Array.from({ length: 32 }, (_, channel) => isSmall(channel)),
    );
  });

  it('leaves channel counts that fill SIMD registers while the sparsity allows it', () => {
    const counts = (sparsity: number) =>
      [...rankedChannelMasks(graph, layout, initialWeights(layout, createRandom(3)), [sparsity])[0]!].map(
        ([, mask]) => mask.reduce((sum, bit) => sum + bit, 0),
      );
    for (const count of counts(0.8)) expect([8, 16, 32, 48, 64]).toContain(count);
    for (const count of counts(0.97)) expect(count % 4).toBe(0);
    expect(Math.min(...counts(0.999))).toBe(4);
  });

  it('masks the scales and biases of absent channels, in every norm of their stream', () => {
    const channels = new Map([['stage2', new Uint8Array(32).fill(1).fill(0, 3, 4)]]);
    const mask = expandToNorms(layout, channels);
    const zeros = [...mask.keys()].filter((i) => mask[i] === 0);
    const norms = layout.norms.filter(({ stream }) => stream === 'stage2').map(({ offset }) => offset + 3);
    expect(norms.length).toBe(2);
    expect(zeros).toEqual([...norms, ...norms.map((i) => i + layout.channelCount)]);
  });
});

it('sgdStep() moves weights by momentum, gradient and decay', () => {
  const weights = Float32Array.from([1, -2]);
  const velocity = Float32Array.from([0.5, 0]);
  sgdStep(weights, velocity, Float32Array.from([0.25, 1]), {
    learningRate: 0.5,
    momentum: 0.5,
    weightDecay: 0.25,
  });
  expect([...velocity]).toEqual([0.75, 0.5]);
  expect([...weights]).toEqual([0.625, -2.25]);
});
