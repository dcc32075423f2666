import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { inputSize } from '../../bundle/manifest.ts';
import type { Bundle } from '../../bundle/read-bundle.ts';
import {
  requireInput,
  requireInteger,
  requireLevel,
  requireName,
  requireOptions,
} from '../../errors/check-arguments.ts';
import { EbbError } from '../../errors/ebb-error.ts';
import {
  type Engine,
  EngineEndedError,
  type EngineMemory,
  type EngineName,
  type OpenOptions,
  type RunOptions,
  type RunResult,
} from '../engine.ts';
import {
  closeMessage,
  createSettings,
  type Opened,
  type Question,
  type Settings,
  type Skipped,
  settingsOf,
  sharedNowMs,
  type ThreadData,
  type ThreadMessage,
} from './protocol.ts';

/** More threads than a profile may ask for, and more inputs than one run may have, are mistakes. */
const maxThreads = 256;
const maxBatch = 65_536;
/** A run that takes longer while the engine closes is taken for one that hangs. */
const hangMs = 5000;

type Waiting = { resolve: (answer: ThreadMessage) => void; reject: (error: Error) => void };

/**
 * An inference thread behind the `Engine` door.
 *
 * INVARIANTS: see `Engine`. The active level lives in shared memory; the thread loads it once, as a run begins.
 */
class ThreadEngine implements Engine {
  readonly manifest: Engine['manifest'];
  readonly engines: Opened[];
  readonly skipped: Skipped[];
  readonly #worker: Worker;
  readonly #settings: Settings;
  readonly #inputSize: number;
  readonly #waiting = new Map<number, Waiting>();
  #nextId = 0;
  readonly ended: Promise<EngineEndedError>;
  readonly #exited: Promise<unknown>;
  readonly #tellEnd: (reason: EngineEndedError) => void;
  #end: EngineEndedError | undefined;

  constructor(options: {
    manifest: Engine['manifest'];
    worker: Worker;
    settings: Settings;
    opened: Opened[];
    skipped: Skipped[];
  }) {
    this.manifest = options.manifest;
    this.engines = options.opened;
    this.skipped = options.skipped;
    this.#worker = options.worker;
    this.#settings = options.settings;
    this.#inputSize = inputSize(options.manifest);
    let tellEnd: (reason: EngineEndedError) => void = () => {};
    this.ended = new Promise((resolve) => {
      tellEnd = resolve;
    });
    this.#tellEnd = tellEnd;
    this.#worker.on('message', (message: ThreadMessage) => this.#receive(message));
    this.#worker.on('error', (error) =>
      this.#fail(new EngineEndedError(`The inference thread crashed: ${error.message}`, { cause: error })),
    );
    this.#exited = new Promise((resolve) => {
      this.#worker.once('exit', resolve);
    });
    this.#worker.on('exit', () => this.#fail(new EngineEndedError('The inference thread ended')));
  }

  get level(): number {
    return this.#settings.level;
  }

  get threads(): number {
    return this.#settings.threads;
  }

  get pending(): number {
    return this.#waiting.size;
  }

  setLevel(level: number): void {
    this.#requireLevel(level);
    this.#settings.level = level;
  }

  setThreads(threads: number): void {
    this.#settings.threads = requireInteger('set the threads', 'their number', threads, [1, maxThreads]);
  }

  engineOf(level: number): EngineName {
    this.#requireLevel(level);
    return this.#settings.engineOf(level);
  }

  setEngine(level: number, engine: EngineName): void {
    this.#requireLevel(level);
    this.#requireEngine(engine);
    this.#settings.setEngine(level, engine);
  }

  async run(input: Float32Array, batch: number, options: RunOptions = {}): Promise<RunResult> {
    requireOptions('run', options, ['level', 'among', 'engine']);
    requireInteger('run', 'the batch', batch, [1, maxBatch]);
    requireInput('run', input, batch, this.#inputSize);
    if (options.level !== undefined) this.#requireLevel(options.level);
    for (const level of options.among ?? []) this.#requireLevel(level);
    if (options.engine !== undefined) this.#requireEngine(options.engine);
    const copy = new Float32Array(input);
    return this.#ask(
      (id) => ({ kind: 'run', id, input: copy, batch, submittedMs: sharedNowMs(), ...options }),
      [copy.buffer],
    ).then((answer) => {
      const { output, level, engine, waitMs, inferMs } = answer as ThreadMessage & { kind: 'answer' };
      return { output, level, engine, waitMs, inferMs };
    });
  }

  tune(known?: readonly number[]): Promise<number[]> {
    return this.#ask((id) => ({ kind: 'tune', id, ...(known ? { known: [...known] } : {}) })).then(
      (answer) => (answer as ThreadMessage & { kind: 'tuned' }).forms,
    );
  }

  memory(): Promise<EngineMemory[]> {
    return this.#ask((id) => ({ kind: 'memory', id })).then(
      (answer) => (answer as ThreadMessage & { kind: 'memory' }).memory,
    );
  }

  #ask(messageOf: (id: number) => Question, transfer: ArrayBuffer[] = []): Promise<ThreadMessage> {
    if (this.#end !== undefined) return Promise.reject(this.#end);
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#worker.postMessage(messageOf(id), transfer);
    });
  }

  async close(): Promise<void> {
    this.#fail(new EngineEndedError('The engine was closed', { isClosed: true }));
    this.#settings.isClosing = true;
    // onnxruntime ends the whole process where its thread is terminated inside a run: that is for a thread that hangs.
    const timer = setTimeout(() => this.#worker.terminate(), hangMs);
    this.#worker.postMessage(closeMessage);
    await this.#exited;
    clearTimeout(timer);
  }

  abandon(reason: string): void {
    this.#fail(new EngineEndedError(`The inference thread was given up: ${reason}`));
    this.#settings.isClosing = true;
    this.#worker.postMessage(closeMessage);
    // It must not keep the process alive.
    this.#worker.unref();
  }

  #requireLevel(level: number): void {
    requireLevel('choose the level', level, this.manifest.levels.length);
  }

  #requireEngine(engine: EngineName): void {
    const names = this.engines.map(({ name }) => name);
    requireName('use the engine', 'it', engine, names);
  }

  #receive(message: ThreadMessage): void {
    if (message.kind === 'ready' || message.kind === 'failed') return;
    const waiting = this.#waiting.get(message.id);
    this.#waiting.delete(message.id);
    if (message.kind === 'refused')
      waiting?.reject(new EbbError('EBB_FAILED', `Cannot run the model: ${message.error}`));
    else waiting?.resolve(message);
  }

  #fail(error: EngineEndedError): void {
    this.#end ??= error;
    for (const { reject } of this.#waiting.values()) reject(this.#end);
    this.#waiting.clear();
    this.#tellEnd(this.#end);
  }
}

async function waitUntilOpen(worker: Worker): Promise<{ opened: Opened[]; skipped: Skipped[] }> {
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

/** Of an inference thread's heap: a run allocates next to nothing in it. The default holds some 30 MB. */
const maxYoungGenerationSizeMb = 6;

const threadCode = new URL('./inference-thread.js', import.meta.url);

/**
 * Opens every level of `bundle` on an inference thread, in each of `engines` that can run it; the first of them runs all levels at first.
 * @param thread the thread's code.
 * @throws Error where no engine can.
 */
export async function openThreadEngine(
  bundle: Bundle,
  engines: EngineName[],
  options: OpenOptions = {},
  thread = threadCode,
): Promise<Engine> {
  const { manifest, models } = bundle;
  const shared = createSettings(manifest.levels.length);
  const settings = settingsOf(shared);
  settings.threads = options.threads ?? 1;
  const workerData: ThreadData = {
    models,
    inputName: manifest.input.name,
    outputName: manifest.output.name,
    inputShape: manifest.input.shape.slice(1) as number[],
    engines,
    providers: options.providers ?? ['cpu'],
    settings: shared,
  };
  const worker = new Worker(thread, { workerData, resourceLimits: { maxYoungGenerationSizeMb } });
  try {
    const { opened, skipped } = await waitUntilOpen(worker);
    const engine = new ThreadEngine({ manifest, worker, settings, opened, skipped });
    for (const level of manifest.levels.keys()) engine.setEngine(level, opened[0]?.name ?? 'ort');
    engine.setLevel(options.level ?? 0);
    return engine;
  } catch (error) {
    await worker.terminate();
    throw new EbbError(
      'EBB_ENGINE_UNAVAILABLE',
      `Cannot open bundle "${manifest.name}": ${(error as Error).message}`,
      { cause: error },
    );
  }
}
