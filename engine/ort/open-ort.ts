import { InferenceSession, Tensor } from 'onnxruntime-node';
import type { Backend } from '../thread/backend.ts';
import type { Skipped, ThreadData } from '../thread/protocol.ts';

/**
 * Opens one resident session for each level.
 *
 * onnxruntime-node's `run` and `create` are native calls that block the thread they are called on, which is why this is the inference
 * thread's.
 */
export async function openOrt(data: ThreadData, threads: number): Promise<Backend> {
  const skipped: Skipped[] = [];
  for (const provider of data.providers) {
    try {
      const sessions = await openSessions(data.models, provider, threads);
      return {
        opened: { name: 'ort', provider, skipped },
        async run(level, values, batch) {
          const input = new Tensor('float32', values, [batch, ...data.inputShape]);
          const outputs = await sessions[level].run({ [data.inputName]: input });
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

async function openSessions(models: Uint8Array[], provider: string, threads: number) {
  const sessions: InferenceSession[] = [];
  for (const model of models)
    sessions.push(
      await InferenceSession.create(model, {
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
  return sessions;
}
