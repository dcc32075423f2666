import { readFileSync } from 'node:fs';
import type { Plan } from '../plan/plan-levels.ts';
import type { Runtime } from './runtime.ts';

/** Node has it; its typings stand in the library of browsers. */
declare const WebAssembly: {
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object) => { exports: unknown };
};

/** What kernels/wasm.c exports. */
type Exports = {
  memory: { buffer: ArrayBuffer; grow(pages: number): number };
  __heap_base: { value: number };
  run(image: number, steps: number, count: number, level: number, input: number, output: number): void;
};

const modulePath = new URL('../kernels/kernels.wasm', import.meta.url);
const pageBytes = 65_536;

/** Opens the kernels as WebAssembly: they need nothing but Node. */
export function openWasmRuntime(plan: Plan): Runtime {
  const instance = new WebAssembly.Instance(new WebAssembly.Module(readFileSync(modulePath)));
  const { memory, run, __heap_base } = instance.exports as Exports;
  const image = Math.ceil(__heap_base.value / 64) * 64;
  const input = image + plan.image.byteLength;
  const output = input + 4 * Math.max(...plan.programs.map(({ inputSize }) => inputSize));
  const end = output + 4 * Math.max(...plan.programs.map(({ outputSize }) => outputSize));
  memory.grow(Math.max(0, Math.ceil((end - memory.buffer.byteLength) / pageBytes)));
  new Int32Array(memory.buffer, image, plan.image.length).set(plan.image);
  return {
    name: 'wasm',
    maxThreads: 1,
    run(level, inputs, batch) {
      const own = plan.levels[level];
      const program = plan.programs[own?.program ?? -1];
      if (own === undefined || program === undefined) throw new RangeError(`there is no level ${level}`);
      const { steps, count, inputSize, outputSize } = program;
      const outputs = new Float32Array(batch * outputSize);
      for (let i = 0; i < batch; i += 1) {
        new Float32Array(memory.buffer, input, inputSize).set(
          inputs.subarray(i * inputSize, (i + 1) * inputSize),
        );
        run(image, image + 4 * steps, count, own.level, input, output);
        outputs.set(new Float32Array(memory.buffer, output, outputSize), i * outputSize);
      }
      return outputs;
    },
    close() {},
  };
}
