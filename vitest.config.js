import { defineConfig } from 'vitest/config';

// Node 20 has relaxed SIMD behind a flag, newer ones always: the sparse engine's kernels are tested with and without it.
const isNode20 = process.versions.node.startsWith('20.');

// Tests run the compiled code in dist/, the files that ship: worker threads and child processes load it too.
export default defineConfig({
  test: {
    include: ['dist/test/**/*.test.js'],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    maxWorkers: 2,
    // For tests that load onnxruntime themselves: see engine/ort/silence-telemetry.ts.
    env: { ORT_DISABLE_TELEMETRY: '1' },
    execArgv: isNode20 ? ['--experimental-wasm-relaxed-simd'] : [],
  },
});
