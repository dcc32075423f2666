import { readFileSync } from 'node:fs';
import type { Plan } from '../plan/plan-levels.ts';
import type { Runtime } from './runtime.ts';

/** Node has it; its typings stand in the library of browsers. */
declare const WebAssembly: {
  validate(bytes: Uint8Array): boolean;
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object) => { exports: unknown };
};

/** What kernels/wasm.c exports. */
type Exports = {
  memory: { buffer: ArrayBuffer; grow(pages: number): number };
  __heap_base: { value: number };
  run(image: number, steps: number, count: number, level: number, input: number, output: number): void;
};

/** Best first. Relaxed SIMD has the fused multiply-add (Node 22 and newer): its last bit differs from one processor to the other. */
const builds = [
  { name: 'wasm-relaxed', path: new URL('../kernels/kernels-relaxed.wasm', import.meta.url) },
  { name: 'wasm', path: new URL('../kernels/kernels.wasm', import.meta.url) },
];
const pageBytes = 65_536;

/** The kernels with a plan's image in their memory, and where input and output stand there, in bytes. */
type Instance = Exports & { image: number; input: number; output: number };

function instantiate(module: object, plan: Plan): Instance {
  const exports = new WebAssembly.Instance(module).exports as Exports;
  const { memory, run, __heap_base } = exports;
  const image = Math.ceil(__heap_base.value / 64) * 64;
  const input = image + plan.image.byteLength;
  const output = input + 4 * Math.max(...plan.programs.map(({ inputSize }) => inputSize));
  const end = output + 4 * Math.max(...plan.programs.map(({ outputSize }) => outputSize));
  memory.grow(Math.max(0, Math.ceil((end - memory.buffer.byteLength) / pageBytes)));
  new Int32Array(memory.buffer, image, plan.image.length).set(plan.image);
  return { memory, run, __heap_base, image, input, output };
}

/** The builds that this Node can run, best first. */
export function readWasmBuilds(): { name: string; bytes: Uint8Array }[] {
  return builds
    .map(({ name, path }) => ({ name, bytes: readFileSync(path) }))
    .filter(({ bytes }) => WebAssembly.validate(bytes));
}

/** Opens the kernels as WebAssembly: they need nothing but Node. */
export function openWasmRuntime(plan: Plan, build = readWasmBuilds()[0]): Runtime {
  if (build === undefined)
    throw new Error('Cannot open the sparse engine as this Node has no WebAssembly SIMD');
  const module = new WebAssembly.Module(build.bytes);
  let instance: Instance | undefined = instantiate(module, plan);
  return {
    name: build.name,
    maxThreads: 1,
    run(level, inputs, batch) {
      const own = plan.levels[level];
      const program = plan.programs[own?.program ?? -1];
      if (own === undefined || program === undefined) throw new RangeError(`there is no level ${level}`);
      const { steps, count, inputSize, outputSize } = program;
      const current = instance ?? instantiate(module, plan);
      const { memory, run, image, input, output } = current;
      // Where a run traps its memory is in no known state: the next one has another.
      instance = undefined;
      const outputs = new Float32Array(batch * outputSize);
      for (let i = 0; i < batch; i += 1) {
        new Float32Array(memory.buffer, input, inputSize).set(
          inputs.subarray(i * inputSize, (i + 1) * inputSize),
        );
        run(image, image + 4 * steps, count, own.level, input, output);
        outputs.set(new Float32Array(memory.buffer, output, outputSize), i * outputSize);
      }
      instance = current;
      return outputs;
    },
    close() {},
  };
}
