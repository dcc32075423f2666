import { defineConfig } from 'vitest/config';

// Tests run the compiled code in dist/, the files that ship: worker threads and child processes load it too.
export default defineConfig({
  test: {
    include: ['dist/test/**/*.test.js'],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    maxWorkers: 2,
  },
});
