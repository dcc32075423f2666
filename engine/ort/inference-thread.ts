import { parentPort, workerData } from 'node:worker_threads';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { type RunMessage, sharedNowMs, type ThreadData, type ThreadMessage } from './protocol.ts';

/**
 * The inference thread: holds one session for each level and runs requests in the order they come.
 *
 * onnxruntime-node's `run` and `create` are native calls that block the thread they are called on, which is why they are here.
 */
const data = workerData as ThreadData;
const port = parentPort;
if (port === null) throw new Error('inference-thread.js must be started as a worker thread');
const say = (message: ThreadMessage, transfer: ArrayBuffer[] = []) => port.postMessage(message, transfer);
const activeLevel = new Int32Array(data.activeLevel);

async function openSessions(provider: string): Promise<InferenceSession[]> {
  const sessions: InferenceSession[] = [];
  for (const model of data.models)
    sessions.push(
      await InferenceSession.create(model, {
        executionProviders: [provider],
        graphOptimizationLevel: 'all',
        intraOpNumThreads: data.threads,
        interOpNumThreads: 1,
        executionMode: 'sequential',
        logSeverityLevel: 3,
        // Sessions of levels that stand by must not burn a core in their thread pool.
        // The typings ask for nested objects, the native side for these flat keys (onnxruntime_session_options_config_keys.h).
        extra: { session: { intra_op: { allow_spinning: '0' } } },
      }),
    );
  return sessions;
}

async function openFirstProvider(): Promise<InferenceSession[]> {
  const skipped: { provider: string; reason: string }[] = [];
  for (const provider of data.providers) {
    try {
      const sessions = await openSessions(provider);
      say({ kind: 'ready', provider, skipped });
      return sessions;
    } catch (error) {
      skipped.push({ provider, reason: (error as Error).message });
    }
  }
  throw new Error(skipped.map(({ provider, reason }) => `${provider}: ${reason}`).join('; '));
}

async function answer(sessions: InferenceSession[], message: RunMessage): Promise<void> {
  const level = message.level ?? Atomics.load(activeLevel, 0);
  const startedMs = sharedNowMs();
  const input = new Tensor('float32', message.input, [message.batch, ...data.inputShape]);
  const outputs = await sessions[level].run({ [data.inputName]: input });
  const inferMs = sharedNowMs() - startedMs;
  // A copy in a buffer of its own: onnxruntime's may be larger than the tensor, and it cannot be transferred.
  const output = Float32Array.from(outputs[data.outputName].data as Float32Array);
  const waitMs = startedMs - message.submittedMs;
  say({ kind: 'answer', id: message.id, output, level, waitMs, inferMs }, [output.buffer]);
}

async function serve(): Promise<void> {
  const sessions = await openFirstProvider();
  // Runs must not overlap: a message that comes while one is awaited waits for it.
  let last = Promise.resolve();
  port?.on('message', (message: RunMessage) => {
    last = last.then(() =>
      answer(sessions, message).catch((error: Error) =>
        say({ kind: 'refused', id: message.id, error: error.message }),
      ),
    );
  });
}

serve().catch((error: Error) => say({ kind: 'failed', error: error.message }));
