import type { AstBenchResult, MethodResult } from '../../lab/bench/ast/ast-bench.ts';

/** A comparison that might have been: made up, for looks and tests alone. */
export function sampleAstResult(): AstBenchResult {
  const method = (name: string, best: number, passes: number, seeds: number): MethodResult => ({
    name,
    grid: [0.05, 0.1, 0.2].map((rate, i) => ({ rate, validation: best - 0.01 * Math.abs(i - 1) })),
    rate: 0.1,
    test: [0, 0.01, 0.02].map((loss) =>
      Array.from({ length: seeds }, (_, seed) => best - loss + 0.003 * seed),
    ),
    cost: { iterations: 2155 * passes, seconds: 380 * passes, executedMacs: 7.73e12 * passes },
  });
  return {
    machine: 'Example CPU, 16 cores',
    setup: {
      data: { name: 'fashion-mnist', sha256: '0123456789abcdef' },
      net: 'resnet8',
      width: 1,
      levels: ['0.8', '0.9', '0.95'],
      epochs: 5,
      batch: 128,
      validation: 0.08,
      backend: 'auto',
      rates: [0.05, 0.1, 0.2],
      seeds: 3,
    },
    macs: [2_727_343, 1_779_193, 1_120_388],
    methods: [
      { ...method('AST, correction', 0.88, 1, 3), conflicts: 0.35 },
      method('AST, no correction', 0.885, 1, 3),
      method('single, 3 x the cost', 0.9, 3, 3),
      method('joint, 3 x the cost', 0.9, 3, 1),
    ],
    variations: [{ name: "levels' updates 6 steps apart", validation: [0.881, 0.872, 0.861] }],
  };
}
