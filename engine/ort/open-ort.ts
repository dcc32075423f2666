import { InferenceSession, Tensor } from 'onnxruntime-node';
import type { Backend } from '../thread/backend.ts';
import type { Skipped, ThreadData } from '../thread/protocol.ts';
import { loadLibrary } from './load-library.ts';
import { residentGrowth } from './resident-growth.ts';

/** Runs of a level in which its memory grows: the second one allocates by the pattern that the first one has shown. */
const growingRuns = 2;

type Level = {
  session: InferenceSession;
  /** By how much the process's resident memory has grown while the session was created and ran for the first times. */
  bytes: number;
  runs: number;
};

/**
 * Opens one resident session for each level.
 *
 * onnxruntime-node's `run` and `create` are native calls that block the thread they are called on, which is why this is the inference
 * thread's.
 */
export async function openOrt(data: ThreadData, threads: number): Promise<Backend> {
  const skipped: Skipped[] = [];
  await loadLibrary();
  for (const provider of data.providers) {
    try {
      const levels = await openLevels(data.models, provider, threads);
      return {
        opened: { name: 'ort', provider, skipped },
        memory() {
          const levelBytes = levels.map(({ bytes }) => bytes);
          const bytes = levelBytes.reduce((sum, own) => sum + own, 0);
          return Number.isNaN(bytes) ? undefined : { bytes, levelBytes, isExact: false };
        },
        async run(level, values, batch) {
          const input = new Tensor('float32', values, [batch, ...data.inputShape]);
          const outputs = await runLevel(levels[level], { [data.inputName]: input });
          // A copy in a buffer of its own: onnxruntime's may be larger than the tensor, and it cannot be transferred.
          return Float32Array.from(outputs[data.outputName].data as Float32Array);
        },
      };
    } catch (error) {
      skipped.push({ engine: 'ort', provider, reason: (error as Error).message });
    }
  }
  throw new Error(skipped.map(({ provider, reason }) => `${provider}: ${reason}`).join('; '));
}

async function runLevel(
  level: Level,
  feeds: InferenceSession.OnnxValueMapType,
): Promise<InferenceSession.OnnxValueMapType> {
  if (level.runs >= growingRuns) return level.session.run(feeds);
  const { result, bytes } = await residentGrowth(() => level.session.run(feeds));
  level.bytes += bytes;
  level.runs += 1;
  return result;
}

async function openLevels(models: Uint8Array[], provider: string, threads: number): Promise<Level[]> {
  const levels: Level[] = [];
  for (const model of models) {
    // onnxruntime takes no shared memory.
    const copy = new Uint8Array(model);
    const { result: session, bytes } = await residentGrowth(() =>
      InferenceSession.create(copy, {
        executionProviders: [provider],
        graphOptimizationLevel: 'all',
        intraOpNumThreads: threads,
        interOpNumThreads: 1,
        executionMode: 'sequential',
        logSeverityLevel: 3,
        // Sessions of levels that stand by must not burn a core in their thread pool.
        // The typings ask for nested objects, the native side for these flat keys (onnxruntime_session_options_config_keys.h).
        extra: { session: { intra_op: { allow_spinning: '0' } } },
      }),
    );
    levels.push({ session, bytes, runs: 0 });
  }
  return levels;
}
