import type { Plan } from '../plan/plan-levels.ts';
import { type Helper, HelperThreads } from './helper-threads.ts';
import type { Runtime } from './runtime.ts';
import { layOut, programBytes, programWords, type WasmLayout } from './wasm-layout.ts';
import {
  compileWasm,
  createWasmMemory,
  instantiateWasm,
  readWasmBuilds,
  type WasmBuild,
  type WasmExports,
  type WasmMemory,
} from './wasm-module.ts';

export type WasmOptions = {
  /** Default: the best that this Node can run. */
  build?: WasmBuild | undefined;
  /** Who lends the threads. Default: the runtime has its own, and ends them. */
  threads?: HelperThreads;
};

export type WasmRuntime = Runtime & {
  /** Threads beside the caller's: how many have come, and how many of these sleep. */
  helpers(): { present: number; asleep: number };
};

/** Each one beyond the first is a JavaScript engine of 13 MB (Node 20). */
const maxThreads = 16;

/** The caller's instance of the kernels, with the plan's image in its memory, and who helps it. */
type Instance = {
  kernels: WasmExports;
  memory: WasmMemory;
  layout: WasmLayout;
  helpers: Helper[];
};

function instantiate(module: object, plan: Plan): Instance {
  const layout = layOut(plan, maxThreads - 1);
  const memory = createWasmMemory(layout.pages);
  const kernels = instantiateWasm(module, memory);
  new Int32Array(memory.buffer, layout.image, plan.image.length).set(plan.image);
  const programs = programWords(plan, layout);
  new Int32Array(memory.buffer, layout.programs, programs.length).set(programs);
  kernels.start();
  return { kernels, memory, layout, helpers: [] };
}

/**
 * Opens the kernels as WebAssembly: they need nothing but Node. Threads are started by the first run that asks for them; it does not wait
 * until they have come.
 */
export function openWasmRuntime(plan: Plan, options: WasmOptions = {}): WasmRuntime {
  const { build = readWasmBuilds()[0], threads: lender = new HelperThreads() } = options;
  if (build === undefined)
    throw new Error('Cannot open the sparse engine as this Node has no WebAssembly SIMD');
  const module = compileWasm(build);
  let instance: Instance | undefined = instantiate(module, plan);
  let isClosed = false;

  const callHelpers = ({ memory, layout, helpers }: Instance, wanted: number): void => {
    for (const [index, stackTop] of layout.stackTops.slice(0, wanted).entries()) {
      if (index < helpers.length) continue;
      const helper = lender.borrow();
      if (helper === undefined) return;
      helper.help({ module, memory, stackTop, index });
      helpers.push(helper);
    }
  };

  return {
    name: build.name,
    maxThreads,
    // The plan's own image is kept for the next memory, which a run that traps needs.
    memoryBytes: instance.memory.buffer.byteLength + plan.image.byteLength,
    run(level, inputs, batch, threads) {
      if (isClosed) throw new Error('the engine is closed');
      const own = plan.levels[level];
      const program = plan.programs[own?.program ?? -1];
      if (own === undefined || program === undefined) throw new RangeError(`there is no level ${level}`);
      const { inputSize, outputSize } = program;
      instance ??= instantiate(module, plan);
      const { kernels, memory, layout, helpers } = instance;
      const cut = Math.min(threads, maxThreads);
      callHelpers(instance, cut - 1);
      const at = layout.programs + own.program * programBytes;
      const outputs = new Float32Array(batch * outputSize);
      try {
        for (let i = 0; i < batch; i += 1) {
          new Float32Array(memory.buffer, layout.input, inputSize).set(
            inputs.subarray(i * inputSize, (i + 1) * inputSize),
          );
          if (kernels.run(at, own.level, layout.input, layout.output, cut) === 0)
            throw new Error(
              helpers.map((helper) => helper.failure()).find((text) => text) ?? 'a thread failed',
            );
          outputs.set(new Float32Array(memory.buffer, layout.output, outputSize), i * outputSize);
        }
      } catch (error) {
        // Where a run traps, its memory is in no known state and its threads may wait for ever: the next one has others.
        instance = undefined;
        for (const helper of helpers) lender.discard(helper);
        throw error;
      }
      return outputs;
    },
    helpers: () => ({
      present: instance?.kernels.helpers() ?? 0,
      asleep: instance?.kernels.sleepers() ?? 0,
    }),
    close() {
      isClosed = true;
      instance?.kernels.end();
      for (const helper of instance?.helpers ?? []) lender.giveBack(helper);
      instance = undefined;
      if (options.threads === undefined) lender.end();
    },
  };
}
