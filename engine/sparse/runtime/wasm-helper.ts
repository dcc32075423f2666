import { type MessagePort, workerData } from 'node:worker_threads';
import type { Help } from './helper-threads.ts';
import { instantiateWasm } from './wasm-module.ts';

/** A helper thread's code: see HelperThreads. */
const port = workerData as MessagePort;

port.on('message', ({ module, memory, stackTop, index }: Help) => {
  const kernels = instantiateWasm(module, memory);
  kernels.__stack_pointer.value = stackTop;
  try {
    kernels.help(index);
  } catch (error) {
    // Told first: who waits for the run asks as soon as it ends.
    port.postMessage((error as Error).message);
    kernels.fail();
  }
});
