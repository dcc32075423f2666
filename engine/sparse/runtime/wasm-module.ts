import { readFileSync } from 'node:fs';

/** Node has it; its typings stand in the library of browsers. */
declare const WebAssembly: {
  validate(bytes: Uint8Array): boolean;
  Module: new (bytes: Uint8Array) => object;
  Memory: new (limits: { initial: number; maximum: number; shared: true }) => WasmMemory;
  Instance: new (module: object, imports: { env: { memory: WasmMemory } }) => { exports: unknown };
};

/** Shared by all threads that have it. */
export type WasmMemory = { buffer: SharedArrayBuffer };

/** What kernels/wasm.c exports. Places are in bytes. */
export type WasmExports = {
  __stack_pointer: { value: number };
  start(): void;
  /** @returns 0 where a helper has failed. */
  run(program: number, level: number, input: number, output: number, threads: number): number;
  help(index: number): void;
  fail(): void;
  end(): void;
  helpers(): number;
  sleepers(): number;
};

export type WasmBuild = { name: string; bytes: Uint8Array };

/** Best first. Relaxed SIMD has the fused multiply-add (Node 22 and newer): its last bit differs from one processor to the other. */
const builds = [
  { name: 'wasm-relaxed', path: new URL('../kernels/kernels-relaxed.wasm', import.meta.url) },
  { name: 'wasm', path: new URL('../kernels/kernels.wasm', import.meta.url) },
];

/** The builds that this Node can run, best first. */
export function readWasmBuilds(): WasmBuild[] {
  return builds
    .map(({ name, path }) => ({ name, bytes: readFileSync(path) }))
    .filter(({ bytes }) => WebAssembly.validate(bytes));
}

export function compileWasm({ bytes }: WasmBuild): object {
  return new WebAssembly.Module(bytes);
}

/** A shared memory cannot move, and so must name its largest size: it is as large as it will ever be. */
export function createWasmMemory(pages: number): WasmMemory {
  return new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
}

/** Each thread has an instance of its own. */
export function instantiateWasm(module: object, memory: WasmMemory): WasmExports {
  return new WebAssembly.Instance(module, { env: { memory } }).exports as WasmExports;
}
