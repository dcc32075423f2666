import { parentPort, workerData } from 'node:worker_threads';
import { type EngineName, levelOfRun } from '../engine.ts';
import type { Backend } from './backend.ts';
import { collectGarbage } from './collect-garbage.ts';
import {
  closeMessage,
  type MemoryMessage,
  type Question,
  type RunMessage,
  type Skipped,
  settingsOf,
  sharedNowMs,
  type ThreadData,
  type ThreadMessage,
  type TuneMessage,
} from './protocol.ts';

/** The inference thread: holds every engine that was asked for, and runs requests in the order they come. */
const data = workerData as ThreadData;
const port = parentPort;
if (port === null) throw new Error('inference-thread.js must be started as a worker thread');
const say = (message: ThreadMessage, transfer: ArrayBuffer[] = []) => port.postMessage(message, transfer);
const settings = settingsOf(data.settings);

/** Loads what an engine needs only where it is asked for. */
async function open(name: EngineName): Promise<Backend> {
  switch (name) {
    case 'ort':
      return (await import('../ort/open-ort.ts')).openOrt(data, settings.threads);
    case 'sparse':
      return (await import('../sparse/open-sparse.ts')).openSparse(data);
  }
}

async function openAll(): Promise<Map<EngineName, Backend>> {
  const backends = new Map<EngineName, Backend>();
  const skipped: Skipped[] = [];
  for (const name of data.engines) {
    try {
      const backend = await open(name);
      backends.set(name, backend);
      skipped.push(...backend.opened.skipped);
    } catch (error) {
      skipped.push({ engine: name, provider: name, reason: (error as Error).message });
    }
  }
  if (backends.size === 0) throw new Error(skipped.map(({ reason }) => reason).join('; '));
  await tidy(backends);
  say({ kind: 'ready', opened: Array.from(backends.values(), ({ opened }) => opened), skipped });
  return backends;
}

async function answer(backends: Map<EngineName, Backend>, message: RunMessage): Promise<void> {
  if (settings.isClosing) throw new Error('the engine is closed');
  const level = levelOfRun(message, settings.level);
  const engine = message.engine ?? settings.engineOf(level);
  const startedMs = sharedNowMs();
  const backend = backends.get(engine);
  if (backend === undefined) throw new Error(`the engine "${engine}" is not open`);
  const output = await backend.run(level, message.input, message.batch, settings.threads);
  const inferMs = sharedNowMs() - startedMs;
  const waitMs = startedMs - message.submittedMs;
  say({ kind: 'answer', id: message.id, output, level, engine, waitMs, inferMs }, [output.buffer]);
}

/** Opening and tuning leave garbage of several times the models' size. */
async function tidy(backends: Map<EngineName, Backend>): Promise<void> {
  await collectGarbage();
  for (const backend of backends.values()) backend.trim?.();
}

async function tune(backends: Map<EngineName, Backend>, { id, known }: TuneMessage): Promise<void> {
  if (settings.isClosing) throw new Error('the engine is closed');
  const forms = backends.get('sparse')?.tune?.(known) ?? [];
  await tidy(backends);
  say({ kind: 'tuned', id, forms });
}

function tellMemory(backends: Map<EngineName, Backend>, { id }: MemoryMessage): void {
  const memory = Array.from(backends).flatMap(([engine, backend]) => {
    const own = backend.memory();
    return own === undefined ? [] : { engine, ...own };
  });
  say({ kind: 'memory', id, memory });
}

function reply(backends: Map<EngineName, Backend>, message: Question): Promise<void> | void {
  switch (message.kind) {
    case 'run':
      return answer(backends, message);
    case 'tune':
      return tune(backends, message);
    case 'memory':
      return tellMemory(backends, message);
  }
}

async function serve(): Promise<void> {
  const backends = await openAll();
  // Runs must not overlap: a message that comes while one is awaited waits for it.
  let last = Promise.resolve();
  port?.on('message', (message: Question | typeof closeMessage) => {
    if (message === closeMessage) {
      // With nobody to listen to, the thread ends.
      last.then(() => port?.close());
      return;
    }
    last = last
      .then(() => reply(backends, message))
      .catch((error: Error) => say({ kind: 'refused', id: message.id, error: error.message }));
  });
}

serve().catch((error: Error) => say({ kind: 'failed', error: error.message }));
