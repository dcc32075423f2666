import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { channelMask, expandToNorms, expandToWeights } from '../../../trainer/ast/masks/channel-masks.ts';
import { distributions, layerDensities } from '../../../trainer/ast/masks/distribution.ts';
import { assertNested, type LevelMask, wholeMask } from '../../../trainer/ast/masks/level-mask.ts';
import {
  createMaskScheme,
  fixedMacsOf,
  type Granularity,
  type LevelTarget,
} from '../../../trainer/ast/masks/mask-scheme.ts';
import { selectTop } from '../../../trainer/ast/masks/select-top.ts';
import type { NetGraph } from '../../../trainer/net/graph.ts';
import { buildNet } from '../../../trainer/net/net-builder.ts';
import { nets } from '../../../trainer/net/nets.ts';
import { initialWeights, layoutOf, maskableSlots } from '../../../trainer/net/parameters.ts';
import { createRandom } from '../../../trainer/random.ts';

/** A net of two convolutions, a depthwise one and a hidden layer, of any size. */
const graphs = fc
  .record({
    height: fc.integer({ min: 3, max: 9 }),
    width: fc.integer({ min: 3, max: 9 }),
    channels: fc.integer({ min: 1, max: 3 }),
    first: fc.integer({ min: 4, max: 13 }),
    second: fc.integer({ min: 4, max: 13 }),
    kernel: fc.constantFrom(1, 3, 5),
    stride: fc.integer({ min: 1, max: 2 }),
  })
  .map(({ height, width, channels, first, second, kernel, stride }): NetGraph => {
    const net = buildNet('random', { input: [height, width, channels], classes: 3 });
    const stem = net.conv('stem', net.input, {
      stream: 'a',
      channels: first,
      kernel: 3,
      stride: 1,
      maskable: false,
    });
    const spatial = net.depthwise('spatial', net.norm('stem.norm', stem), { kernel: 3, stride });
    const conv = { stream: 'b', channels: second, kernel, stride, maskable: true };
    const middle = net.norm('conv.norm', net.conv('conv', net.relu('relu', spatial), conv));
    const last = net.conv('last', middle, {
      stream: 'c',
      channels: first,
      kernel: 1,
      stride: 1,
      maskable: true,
    });
    const hidden = net.hidden('hidden', net.pool('pool', last), { stream: 'd', channels: second });
    return net.classifier('head', net.norm('hidden.norm', hidden));
  });

const sparsities = fc
  .uniqueArray(fc.integer({ min: 0, max: 97 }), { minLength: 1, maxLength: 4 })
  .map((percents) => percents.toSorted((a, b) => a - b).map((percent) => ({ sparsity: percent / 100 })));

const patterns: LevelTarget[] = [
  { sparsity: 0 },
  { sparsity: 0.5, pattern: { n: 2, m: 4 } },
  { sparsity: 0.75, pattern: { n: 1, m: 4 } },
  { sparsity: 0.875, pattern: { n: 1, m: 8 } },
];

/** Masks of all levels, densest first, each inside the one before. */
function masksOf(
  graph: NetGraph,
  granularity: Granularity,
  distribution: (typeof distributions)[number],
  targets: LevelTarget[],
  progress: number,
  seed: number,
): LevelMask[] {
  const layout = layoutOf(graph);
  const random = createRandom(seed);
  const scheme = createMaskScheme(layout, granularity, distribution);
  const weights = initialWeights(layout, random);
  const gradient = weights.map(() => random.normal());
  let within = wholeMask(layout.weightCount);
  return targets.map((target) => {
    const grow = seed % 2 === 0 ? { fraction: 0.3, gradient } : undefined;
    within = scheme(target, { weights, progress, within, grow });
    return within;
  });
}

const seeds = fc.integer({ min: 0, max: 10_000 });
const progresses = fc.integer({ min: 0, max: 4 }).map((quarter) => quarter / 4);
const combinations: [Granularity, (typeof distributions)[number]][] = [
  ...distributions.flatMap((distribution): [Granularity, (typeof distributions)[number]][] => [
    ['element', distribution],
    ['block', distribution],
  ]),
  ['nm', 'uniform'],
  ['channel', 'global'],
  ['channel', 'uniform'],
  ['channel', 'macs'],
];

describe('masks of every granularity and distribution, over random nets', () => {
  for (const [granularity, distribution] of combinations)
    it(`are nested and leave alone what is not maskable: ${granularity}, ${distribution}`, () => {
      fc.assert(
        fc.property(graphs, sparsities, progresses, seeds, (graph, chosen, progress, seed) => {
          const targets = granularity === 'nm' ? patterns : chosen;
          const masks = masksOf(graph, granularity, distribution, targets, progress, seed);
          assertNested(masks);
          const layout = layoutOf(graph);
          const fixed = layout.weights.filter(({ maskable, part }) =>
            granularity === 'channel' ? part === 'bias' : !maskable,
          );
          for (const { weights } of masks)
            for (const { offset, size } of fixed)
              expect(weights.subarray(offset, offset + size).every((bit) => bit === 1)).toBe(true);
          if (progress === 0 && targets[0]!.sparsity === 0)
            expect(masks[0]!.weights.every((bit) => bit === 1)).toBe(true);
        }),
        { numRuns: 40 },
      );
    });

  it('keep exactly the asked share of single weights, globally and in every layer', () => {
    fc.assert(
      fc.property(graphs, sparsities, seeds, (graph, targets, seed) => {
        const slots = maskableSlots(layoutOf(graph));
        const kept = (mask: LevelMask, { offset, size }: { offset: number; size: number }) =>
          mask.weights.subarray(offset, offset + size).reduce((sum, bit) => sum + bit, 0);
        const total = slots.reduce((sum, slot) => sum + slot.size, 0);
        const global = masksOf(graph, 'element', 'global', targets, 1, seed);
        global.forEach((mask, level) => {
          const count = slots.reduce((sum, slot) => sum + kept(mask, slot), 0);
          expect(count).toBe(Math.round((1 - targets[level]!.sparsity) * total));
        });
        const uniform = masksOf(graph, 'element', 'uniform', targets, 1, seed);
        uniform.forEach((mask, level) => {
          for (const slot of slots)
            expect(kept(mask, slot)).toBe(Math.round((1 - targets[level]!.sparsity) * slot.size));
        });
      }),
      { numRuns: 40 },
    );
  });

  it('keep within a budget of multiply-accumulates and use it up but for one weight', () => {
    fc.assert(
      fc.property(graphs, sparsities, (graph, targets) => {
        const layout = layoutOf(graph);
        const total = layout.weights.reduce((sum, { size, positions }) => sum + size * positions, 0);
        const fixed = fixedMacsOf(layout);
        const possible = targets.filter(({ sparsity }) => (1 - sparsity) * total > fixed);
        const largest = Math.max(...layout.weights.map(({ positions }) => positions));
        masksOf(graph, 'element', 'macs', possible, 1, 1).forEach((mask, level) => {
          const macs = layout.weights.reduce((sum, { offset, size, positions }) => {
            return sum + positions * mask.weights.subarray(offset, offset + size).reduce((a, b) => a + b, 0);
          }, 0);
          const budget = (1 - possible[level]!.sparsity) * total;
          expect(macs).toBeLessThanOrEqual(budget + 1e-6);
          expect(macs).toBeGreaterThan(budget - largest - 1e-6);
        });
      }),
      { numRuns: 40 },
    );
  });

  it('block: four neighbouring output channels share each bit', () => {
    fc.assert(
      fc.property(graphs, sparsities, seeds, (graph, targets, seed) => {
        for (const { weights } of masksOf(graph, 'block', 'global', targets, 1, seed))
          for (const { offset, size, outChannels } of maskableSlots(layoutOf(graph)))
            for (let i = 0; i < size; i += 1) {
              const out = i % outChannels;
              expect(weights[offset + i]).toBe(weights[offset + i - (out % 4)]);
            }
      }),
      { numRuns: 20 },
    );
  });

  it('nm: of every run of M input channels at most N are kept, the largest, once the ramp has ended', () => {
    fc.assert(
      fc.property(graphs, seeds, (graph, seed) => {
        const layout = layoutOf(graph);
        const latent = initialWeights(layout, createRandom(seed));
        masksOf(graph, 'nm', 'uniform', patterns, 1, seed).forEach(({ weights }, level) => {
          const { pattern } = patterns[level]!;
          if (!pattern) return;
          for (const { offset, size, inChannels, outChannels } of maskableSlots(layout))
            for (let tap = offset; tap < offset + size; tap += inChannels * outChannels)
              for (let out = 0; out < outChannels; out += 1)
                for (let first = 0; first < inChannels; first += pattern.m) {
                  const length = Math.min(pattern.m, inChannels - first);
                  const run = Array.from({ length }, (_, i) => tap + (first + i) * outChannels + out);
                  const kept = run.filter((i) => weights[i] === 1);
                  expect(kept.length).toBeLessThanOrEqual(Math.ceil((length * pattern.n) / pattern.m));
                  if (length === pattern.m) expect(kept.length).toBe(pattern.n);
                  const largest = Math.max(...run.map((i) => Math.abs(latent[i]!)));
                  expect(kept.some((i) => Math.abs(latent[i]!) === largest)).toBe(true);
                }
        });
      }),
      { numRuns: 20 },
    );
  });

  it('createMaskScheme() refuses distributions that a granularity cannot have', () => {
    const layout = layoutOf(nets.resnet8!({ input: [8, 8, 1], classes: 3 }));
    expect(() => createMaskScheme(layout, 'nm', 'global')).toThrow(/choose --distribution uniform/);
    expect(() => createMaskScheme(layout, 'channel', 'erk')).toThrow(/choose another --distribution/);
  });

  it('assertNested() refuses a sparser level with a weight of its own', () => {
    const mask = (...bits: number[]) => ({ weights: Uint8Array.from(bits), channels: new Map() });
    expect(() => assertNested([mask(1, 0, 1), mask(0, 1, 1)])).toThrow(
      /level 1 must be nested in level 0: weight 1/,
    );
  });
});

describe('selectTop()', () => {
  it('keeps the highest scores that fit, whatever the ties, and a subset with a lower budget', () => {
    // Few distinct values, so that ties are common.
    const values = fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(
        values,
        fc.integer({ min: 0, max: 60 }),
        fc.integer({ min: 0, max: 60 }),
        (scores, a, b) => {
          const select = (budget: number) => {
            const kept = new Uint8Array(scores.length);
            const ranges = [{ offset: 0, count: scores.length, cost: 1 }];
            selectTop(Float32Array.from(scores), ranges, budget, new Uint8Array(scores.length).fill(1), kept);
            return kept;
          };
          const [low, high] = [a, b].toSorted((x, y) => x - y);
          const [few, many] = [select(low!), select(high!)];
          expect(few.reduce((sum, bit) => sum + bit, 0)).toBe(Math.min(low!, scores.length));
          expect(few.every((bit, i) => bit <= many[i]!)).toBe(true);
          const least = Math.min(...scores.filter((_, i) => few[i] === 1));
          expect(scores.every((score, i) => few[i] === 1 || score <= least)).toBe(true);
        },
      ),
    );
  });
});

describe('layerDensities()', () => {
  it('erk: keeps the asked share over all layers, none above 1, and small layers denser', () => {
    const slots = maskableSlots(layoutOf(nets.resnet20!({ input: [32, 32, 3], classes: 10 })));
    for (const density of [0.5, 0.1, 0.02]) {
      const densities = layerDensities('erk', slots, density);
      const total = slots.reduce((sum, { size }) => sum + size, 0);
      const kept = slots.reduce((sum, { size }, i) => sum + size * densities[i]!, 0);
      expect(kept / total).toBeCloseTo(density, 6);
      expect(Math.max(...densities)).toBeLessThanOrEqual(1);
      const bySize = slots.map(({ size }, i) => ({ size, density: densities[i]! }));
      bySize.sort((x, y) => x.size - y.size);
      expect(bySize[0]!.density).toBeGreaterThan(bySize.at(-1)!.density);
    }
  });
});

describe('channelMask()', () => {
  const graph = nets.resnet8!({ input: [28, 28, 1], classes: 10 });
  const layout = layoutOf(graph);
  const maskable = maskableSlots(layout);
  const total = maskable.reduce((sum, slot) => sum + slot.size, 0);
  const mask = (weights: Float32Array, sparsity: number) =>
    channelMask(layout, weights, 'global', 1 - sparsity, new Map());

  it('comes near the target sparsity and leaves no stream without channels', () => {
    fc.assert(
      fc.property(seeds, fc.integer({ min: 0, max: 97 }), (seed, percent) => {
        const channels = mask(initialWeights(layout, createRandom(seed)), percent / 100);
        const { weights } = expandToWeights(layout, channels);
        const kept = maskable.reduce((sum, { offset, size }) => {
          return sum + weights.subarray(offset, offset + size).reduce((count, bit) => count + bit, 0);
        }, 0);
        // At most half a block off.
        const tolerance = percent > 90 ? 0.02 : 0.1;
        expect(Math.abs(1 - kept / total - percent / 100)).toBeLessThan(tolerance);
        for (const own of channels.values())
          expect(own.reduce((sum, bit) => sum + bit, 0)).toBeGreaterThanOrEqual(4);
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
    expect(Array.from(mask(weights, 0.1).get('block2')!, (kept) => kept === 0)).toEqual(
      Array.from({ length: 32 }, (_, channel) => isSmall(channel)),
    );
  });

  it('leaves channel counts that fill SIMD registers while the sparsity allows it', () => {
    const counts = (sparsity: number) =>
      [...mask(initialWeights(layout, createRandom(3)), sparsity)].map(([, own]) =>
        own.reduce((sum, bit) => sum + bit, 0),
      );
    for (const count of counts(0.8)) expect([8, 16, 32, 48, 64]).toContain(count);
    for (const count of counts(0.97)) expect(count % 4).toBe(0);
    expect(Math.min(...counts(0.999))).toBe(4);
  });

  it('masks the scales and biases of absent channels, in every norm of their stream', () => {
    const channels = new Map([['stage2', new Uint8Array(32).fill(1).fill(0, 3, 4)]]);
    const affine = expandToNorms(layout, channels);
    const zeros = [...affine.keys()].filter((i) => affine[i] === 0);
    const norms = layout.norms.filter(({ stream }) => stream === 'stage2').map(({ offset }) => offset + 3);
    expect(norms.length).toBe(2);
    expect(zeros).toEqual([...norms, ...norms.map((i) => i + layout.channelCount)]);
  });
});
