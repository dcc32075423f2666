import { MessageChannel, receiveMessageOnPort, Worker } from 'node:worker_threads';
import type { WasmMemory } from './wasm-module.ts';

/** A pool that a thread shall help in. */
export type Help = { module: object; memory: WasmMemory; stackTop: number; index: number };

/** One thread. It takes up one pool after the other: the next one when the one before has ended. */
export type Helper = {
  help(pool: Help): void;
  /** Why it has failed, where it has; needs no turn of the event loop. */
  failure(): string | undefined;
  end(): void;
};

export type StartHelper = (onExit: () => void) => Helper;

const code = new URL('./wasm-helper.js', import.meta.url);

/** Starts while its parent computes, and keeps no process alive. */
export const startHelper: StartHelper = (onExit) => {
  const { port1: port, port2 } = new MessageChannel();
  const worker = new Worker(code, { workerData: port2, transferList: [port2] });
  worker.unref();
  // One that cannot start is missed by nobody: the others do its work.
  worker.on('error', () => {});
  worker.on('exit', onExit);
  return {
    help: (pool) => port.postMessage(pool),
    failure: () => receiveMessageOnPort(port)?.message,
    end() {
      port.close();
      worker.terminate();
    },
  };
};

/**
 * The threads that help a WebAssembly runtime, or several one after the other: to start a thread takes longer than to run a net.
 */
export class HelperThreads {
  readonly #start: StartHelper;
  readonly #all = new Set<Helper>();
  readonly #idle = new Set<Helper>();

  constructor(start: StartHelper = startHelper) {
    this.#start = start;
  }

  /** @returns undefined where no thread can be started. */
  borrow(): Helper | undefined {
    const [idle] = this.#idle;
    if (idle !== undefined) {
      this.#idle.delete(idle);
      return idle;
    }
    try {
      const helper = this.#start(() => this.discard(helper));
      this.#all.add(helper);
      return helper;
    } catch {
      return undefined;
    }
  }

  /** Takes back one whose pool has ended. */
  giveBack(helper: Helper): void {
    if (this.#all.has(helper)) this.#idle.add(helper);
  }

  /** Ends one that may hang. */
  discard(helper: Helper): void {
    this.#idle.delete(helper);
    if (this.#all.delete(helper)) helper.end();
  }

  end(): void {
    for (const helper of this.#all) this.discard(helper);
  }
}
