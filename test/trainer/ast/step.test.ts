import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createGradientCorrection } from '../../../trainer/ast/gradient-correction.ts';
import { LatentNet } from '../../../trainer/ast/latent-net.ts';
import { sgdStep } from '../../../trainer/ast/sgd.ts';
import { parseLevels } from '../../../trainer/levels.ts';
import { nets } from '../../../trainer/net/nets.ts';
import { createRandom } from '../../../trainer/random.ts';

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

it("LatentNet takes norm_rate times as long steps with a level's own scales and biases", () => {
  const graph = nets.resnet8!({ input: [8, 8, 1], classes: 3, width: 0.25 });
  const stepped = [1, 3].map((normRate) => {
    const net = new LatentNet(graph, {
      granularity: 'element',
      distribution: 'global',
      targets: parseLevels('0,0.5'),
      correction: false,
      momentum: 0.9,
      weightDecay: 0,
      normRate,
      normEpsilon: 1e-5,
      dropFraction: 0,
      random: createRandom(1),
    });
    const before = net.effective(1).affine;
    const filled = (length: number) => new Float32Array(length).fill(0.5);
    const gradient = {
      level: 1,
      weights: filled(net.weights.length),
      affine: filled(before.length),
      statistics: filled(before.length),
    };
    net.step([gradient], { learningRate: 0.25, firstOfGroup: true });
    return { affine: net.effective(1).affine.map((value, i) => value - before[i]!), weights: net.weights };
  });
  const [plain, faster] = stepped as [(typeof stepped)[0], (typeof stepped)[0]];
  expect(plain.affine.every((step) => step === -0.125)).toBe(true);
  expect(faster.affine.every((step) => step === -0.375)).toBe(true);
  expect(faster.weights).toEqual(plain.weights);
});
