import { existsSync } from 'node:fs';
import { expect, it } from 'vitest';
import { addonPath, loadNativeKernels } from '../../engine/sparse/runtime/native-runtime.ts';
import { startPeakThreads } from '../../lab/bench/engines/peak-threads.ts';

it.skipIf(!existsSync(addonPath))(
  'threads on registers do the same work each, as often as they are told (skipped without a C compiler)',
  () => {
    const kernels = loadNativeKernels();
    const done: number[] = [];
    const counted = {
      ...kernels,
      peak: (instructions: string, rounds: number) => {
        done.push(rounds);
        return kernels.peak(instructions, rounds);
      },
    };
    const peak = startPeakThreads(counted, 3);
    try {
      for (let i = 0; i < 3; i += 1) peak.run();
      expect(done).toHaveLength(3);
      expect(new Set(done).size).toBe(1);
    } finally {
      peak.close();
    }
  },
);
