import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { inputSize } from '../../bundle/manifest.ts';
import type { Bundle } from '../../bundle/read-bundle.ts';
import type { Engine, OpenOptions, RunOptions, RunResult } from '../engine.ts';
import { type RunMessage, sharedNowMs, type ThreadData, type ThreadMessage } from './protocol.ts';

type Waiting = { resolve: (result: RunResult) => void; reject: (error: Error) => void };

/** What the thread found out while it opened the sessions. */
type Opened = { provider: string; skipped: { provider: string; reason: string }[] };

/**
 * onnxruntime behind the `Engine` door: every level's session is resident on one thread.
 *
 * INVARIANTS: see `Engine`. The active level lives in shared memory; the thread loads it once, as a run begins.
 */
class OrtEngine implements Engine {
  readonly name = 'ort';
  readonly manifest: Engine['manifest'];
  readonly provider: string;
  readonly skipped: Opened['skipped'];
  readonly #worker: Worker;
  readonly #activeLevel: Int32Array;
  readonly #inputSize: number;
  readonly #waiting = new Map<number, Waiting>();
  #nextId = 0;
  readonly ended: Promise<Error>;
  readonly #tellEnd: (reason: Error) => void;
  #end: Error | undefined;

  constructor(options: {
    manifest: Engine['manifest'];
    worker: Worker;
    activeLevel: Int32Array;
    opened: Opened;
  }) {
    this.manifest = options.manifest;
    this.provider = options.opened.provider;
    this.skipped = options.opened.skipped;
    this.#worker = options.worker;
    this.#activeLevel = options.activeLevel;
    this.#inputSize = inputSize(options.manifest);
    let tellEnd: (reason: Error) => void = () => {};
    this.ended = new Promise((resolve) => {
      tellEnd = resolve;
    });
    this.#tellEnd = tellEnd;
    this.#worker.on('message', (message: ThreadMessage) => this.#receive(message));
    this.#worker.on('error', (error) =>
      this.#fail(new Error(`The inference thread crashed: ${error.message}`, { cause: error })),
    );
    this.#worker.on('exit', () => this.#fail(new Error('The inference thread ended')));
  }

  get level(): number {
    return Atomics.load(this.#activeLevel, 0);
  }

  get pending(): number {
    return this.#waiting.size;
  }

  setLevel(level: number): void {
    this.#requireLevel(level);
    Atomics.store(this.#activeLevel, 0, level);
  }

  run(input: Float32Array, batch: number, options: RunOptions = {}): Promise<RunResult> {
    if (!Number.isInteger(batch) || batch < 1 || input.length !== batch * this.#inputSize)
      throw new RangeError(
        `Cannot run as the input must hold ${this.#inputSize} numbers for each of ${batch} inputs: current value is ${input.length}`,
      );
    if (options.level !== undefined) this.#requireLevel(options.level);
    if (this.#end !== undefined) return Promise.reject(this.#end);
    const id = this.#nextId++;
    const copy = Float32Array.from(input);
    const message: RunMessage = { id, input: copy, batch, submittedMs: sharedNowMs(), ...options };
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#worker.postMessage(message, [copy.buffer]);
    });
  }

  async close(): Promise<void> {
    this.#fail(new Error('The engine was closed'));
    await this.#worker.terminate();
  }

  #requireLevel(level: number): void {
    const count = this.manifest.levels.length;
    if (Number.isInteger(level) && level >= 0 && level < count) return;
    throw new RangeError(
      `Cannot choose the level as it must be 0 to ${count - 1}: current value is ${level}`,
    );
  }

  #receive(message: ThreadMessage): void {
    if (message.kind !== 'answer' && message.kind !== 'refused') return;
    const waiting = this.#waiting.get(message.id);
    this.#waiting.delete(message.id);
    if (message.kind === 'refused') waiting?.reject(new Error(`Cannot run the model: ${message.error}`));
    else {
      const { output, level, waitMs, inferMs } = message;
      waiting?.resolve({ output, level, waitMs, inferMs });
    }
  }

  #fail(error: Error): void {
    this.#end ??= error;
    for (const { reject } of this.#waiting.values()) reject(this.#end);
    this.#waiting.clear();
    this.#tellEnd(this.#end);
  }
}

async function waitUntilOpen(worker: Worker): Promise<Opened> {
  // An 'error' event, such as a native library that cannot be loaded, rejects this promise.
  const gone = new AbortController();
  const exited = once(worker, 'exit', { signal: gone.signal }).then(([status]) => {
    throw new Error(`the inference thread ended with status ${status} before it was ready`);
  });
  const told = once(worker, 'message', { signal: gone.signal }) as Promise<[ThreadMessage]>;
  // Whichever comes later is no news.
  exited.catch(() => {});
  told.catch(() => {});
  const [message] = await Promise.race([told, exited]);
  gone.abort();
  if (message.kind === 'ready') return message;
  throw new Error(message.kind === 'failed' ? message.error : `unexpected message "${message.kind}"`);
}

/**
 * Opens every level of `bundle` in onnxruntime.
 * @param thread the inference thread's code.
 * @throws Error where no provider can open a model.
 */
export async function openOrtEngine(
  bundle: Bundle,
  options: OpenOptions = {},
  thread = new URL('./inference-thread.js', import.meta.url),
): Promise<Engine> {
  const { manifest, models } = bundle;
  const shared = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
  const workerData: ThreadData = {
    models,
    inputName: manifest.input.name,
    outputName: manifest.output.name,
    inputShape: manifest.input.shape.slice(1) as number[],
    providers: options.providers ?? ['cpu'],
    threads: options.threads ?? 1,
    activeLevel: shared,
  };
  const worker = new Worker(thread, { workerData });
  let engine: OrtEngine;
  try {
    const opened = await waitUntilOpen(worker);
    engine = new OrtEngine({ manifest, worker, activeLevel: new Int32Array(shared), opened });
    engine.setLevel(options.level ?? 0);
  } catch (error) {
    await worker.terminate();
    throw new Error(`Cannot open bundle "${manifest.name}" in onnxruntime: ${(error as Error).message}`, {
      cause: error,
    });
  }
  return engine;
}
