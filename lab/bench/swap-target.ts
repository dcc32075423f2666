import { pino } from 'pino';
import { openAgent } from '../../agent/agent.ts';
import { loadProfile } from '../../agent/profile/load-profile.ts';
import type { Bundle } from '../../bundle/read-bundle.ts';
import { openEngine } from '../../engine/open-engine.ts';
import { InferClient } from '../load/infer-client.ts';

/** What is asked for answers while its level changes. */
export type SwapTarget = {
  infer(input: Float32Array): Promise<{ output: Float32Array; level: number }>;
  setLevel(level: number): Promise<void>;
  close(): Promise<void>;
};

/** The engine alone. */
export async function openEngineTarget(bundle: Bundle): Promise<SwapTarget> {
  const engine = await openEngine(bundle);
  return {
    infer: (input) => engine.run(input, 1),
    setLevel: async (level) => engine.setLevel(level),
    close: () => engine.close(),
  };
}

/** A whole agent in this process, asked over HTTP; its level is set as an operator's command sets it. */
export async function openHttpTarget(bundle: Bundle): Promise<SwapTarget> {
  const x86 = await loadProfile('x86');
  const { manifest } = bundle;
  const agent = openAgent({
    bundle,
    profile: { ...x86, policy: 'fixed', http: { ...x86.http, port: 0 } },
    log: pino({ level: 'silent' }),
  });
  const { url } = await agent.start();
  if (url === undefined) throw new Error('Cannot ask the agent as it must serve HTTP');
  const shape = manifest.input.shape.slice(1) as number[];
  const client = new InferClient({ url, model: manifest.name, input: { name: manifest.input.name, shape } });
  return {
    async infer(input) {
      const { output, level, error } = await client.infer(input, 1);
      if (output === undefined || level === undefined) throw new Error(error ?? 'no output');
      return { output, level };
    },
    async setLevel(level) {
      await agent.setLevel(level);
    },
    async close() {
      client.close();
      await agent.stop();
    },
  };
}
