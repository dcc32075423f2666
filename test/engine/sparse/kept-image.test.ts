import { existsSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { planLevels } from '../../../engine/sparse/plan/plan-levels.ts';
import { addonPath, loadNativeKernels } from '../../../engine/sparse/runtime/native-runtime.ts';
import { collectGarbage } from '../../../engine/thread/collect-garbage.ts';
import { drawNumbers, tinyModel } from '../../tiny-bundle.ts';

it.skipIf(!existsSync(addonPath))(
  "the native kernels, which copy the image, let go of the plan's",
  async () => {
    const open = () => {
      const plan = planLevels([tinyModel(16, 1)]);
      return { runtime: loadNativeKernels().open(plan), image: new WeakRef(plan.image) };
    };
    const { runtime, image } = open();
    // A WeakRef holds what it was made of until the turn of the event loop is over.
    await setTimeout(0);
    await collectGarbage();
    expect(image.deref()).toBeUndefined();
    expect(runtime.run(0, drawNumbers(64, 1), 1, 1)).toHaveLength(3);
    runtime.close();
  },
);
