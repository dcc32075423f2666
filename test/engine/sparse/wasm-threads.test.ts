import { once } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { type Plan, planLevels } from '../../../engine/sparse/plan/plan-levels.ts';
import { kinds, stepFields } from '../../../engine/sparse/plan/step-words.ts';
import { HelperThreads, startHelper } from '../../../engine/sparse/runtime/helper-threads.ts';
import { openWasmRuntime } from '../../../engine/sparse/runtime/wasm-runtime.ts';
import { drawNumbers, tinyModel } from '../../tiny-bundle.ts';
import { untilHelped } from './runtimes.ts';

const input = drawNumbers(64, 5);
const channels = 16;
const plan = planLevels([tinyModel(channels, 3), tinyModel(channels, 8)]);

/** Opens `given`, closes it behind the test, and counts the threads that are started and that have ended. */
function opened(given: Plan = plan) {
  const counts = { started: 0, ended: 0 };
  const threads = new HelperThreads((onExit) => {
    counts.started += 1;
    return startHelper(() => {
      counts.ended += 1;
      onExit();
    });
  });
  onTestFinished(() => threads.end());
  const open = () => openWasmRuntime(given, { threads });
  return { open, runtime: open(), threads, counts };
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await setTimeout(1);
}

/** The plan with its first level broken: where the last channels of its convolution read is far outside of the memory. */
function brokenPlan(): { broken: Plan; mend: () => void } {
  const image = Int32Array.from(plan.image);
  const { steps, count } = plan.programs[plan.levels[0]!.program]!;
  const field = (step: number, name: (typeof stepFields)[number]) =>
    image[steps + step * stepFields.length + stepFields.indexOf(name)]!;
  const convolution = Array.from({ length: count }, (_, step) => step).find(
    (step) => field(step, 'kind') === kinds.conv,
  )!;
  const table = field(convolution, 'table');
  // ebb_product_table: the width, the list, and behind three more words where the first segment's rows end.
  const [width, list, ends] = [0, 1, 6].map((word) => image[table + word]!) as [number, number, number];
  // Each element of the list ends with its distance.
  const last = list + image[ends + channels / width - 1]! * (width + 1) - 1;
  image[last] = 2 ** 28;
  return { broken: { ...plan, image }, mend: () => image.set(plan.image) };
}

describe('a run through WebAssembly that traps', () => {
  it.each([1, 2, 4])(
    'with %i threads is an error of that run, and the next one has a new instance',
    async (threads) => {
      const expected = [0, 1].map((level) => opened().runtime.run(level, input, 1, 1));
      const { broken, mend } = brokenPlan();
      const { runtime, counts } = opened(broken);
      // The thread that traps is one time the caller's, another time a helper.
      for (let round = 0; round < 5; round += 1) {
        expect(runtime.run(1, input, 1, threads)).toEqual(expected[1]);
        await untilHelped(runtime, threads - 1);
        expect(() => runtime.run(0, input, 1, threads)).toThrow(/memory access out of bounds/);
      }
      mend();
      expect(runtime.run(0, input, 1, threads)).toEqual(expected[0]);
      runtime.close();
      await until(() => counts.ended === 5 * (threads - 1));
    },
  );

  it('in a helper alone is an error, too', async () => {
    const threads = new HelperThreads((onExit) => {
      const helper = startHelper(onExit);
      return { ...helper, help: (pool) => helper.help({ ...pool, stackTop: 2 ** 31 }) };
    });
    onTestFinished(() => threads.end());
    const runtime = openWasmRuntime(plan, { threads });
    const expected = runtime.run(0, input, 1, 1);
    const runUntilItTraps = async () => {
      for (;;) {
        expect(runtime.run(0, input, 1, 2)).toEqual(expected);
        await setTimeout(1);
      }
    };
    await expect(runUntilItTraps()).rejects.toThrow(/memory access out of bounds/);
    expect(runtime.run(0, input, 1, 1)).toEqual(expected);
  });
});

describe('the threads of WebAssembly', () => {
  it('come while their parent computes without a turn of its event loop', () => {
    const { runtime } = opened();
    for (let runs = 0; runs < 1e6 && runtime.helpers().present < 2; runs += 1) runtime.run(0, input, 1, 3);
    expect(runtime.helpers().present).toBe(2);
  });

  it('sleep when there is no run, and those that a run is not cut for, too', async () => {
    const { runtime } = opened();
    for (const threads of [4, 2, 1, 3]) {
      for (let runs = 0; runs < 10; runs += 1) runtime.run(0, input, 1, threads);
      await untilHelped(runtime, 3);
      await until(() => runtime.helpers().asleep === 3);
    }
    // A wake-up that was under way may still come: the helper finds no run and sleeps again.
    await until(() => runtime.helpers().asleep === 3);
    expect(runtime.helpers().present).toBe(3);
  });

  it('are as many as the runtime says at most', async () => {
    const { runtime, counts } = opened();
    const expected = runtime.run(0, input, 1, 1);
    expect(runtime.run(0, input, 1, 1000)).toEqual(expected);
    expect(counts.started).toBe(runtime.maxThreads - 1);
  });

  it('are missed by no run where they cannot be started', () => {
    const threads = new HelperThreads(() => {
      throw new Error('too many threads');
    });
    const runtime = openWasmRuntime(plan, { threads });
    expect(runtime.run(0, input, 1, 4)).toEqual(runtime.run(0, input, 1, 1));
    expect(runtime.helpers().present).toBe(0);
  });

  it('help one runtime after the other, and end with those who lend them', async () => {
    const { open, runtime, threads, counts } = opened();
    runtime.run(0, input, 1, 3);
    runtime.close();
    for (let i = 0; i < 5; i += 1) {
      const next = open();
      next.run(1, input, 1, 3);
      await untilHelped(next, 2);
      next.close();
    }
    expect(counts).toEqual({ started: 2, ended: 0 });
    threads.end();
    await until(() => counts.ended === 2);
  });

  it('end when a runtime is closed that has its own', () => {
    const end = vi.spyOn(HelperThreads.prototype, 'end');
    onTestFinished(() => end.mockRestore());
    const runtime = openWasmRuntime(plan);
    runtime.run(0, input, 1, 2);
    runtime.close();
    expect(end).toHaveBeenCalledOnce();
  });

  it('keep no thread alive that has forgotten to close them', async () => {
    const here = (path: string) => JSON.stringify(new URL(path, import.meta.url).href);
    const code = `
      import { planLevels } from ${here('../../../engine/sparse/plan/plan-levels.js')};
      import { openWasmRuntime } from ${here('../../../engine/sparse/runtime/wasm-runtime.js')};
      import { drawNumbers, tinyModel } from ${here('../../tiny-bundle.js')};
      const runtime = openWasmRuntime(planLevels([tinyModel(16, 3)]));
      while (runtime.helpers().present < 2) runtime.run(0, drawNumbers(64, 5), 1, 3);`;
    const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(code)}`));
    expect(await once(worker, 'exit')).toEqual([0]);
  });
});
