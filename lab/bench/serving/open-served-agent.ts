import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { type Agent, openAgent } from '../../../agent/agent.ts';
import { collectHere } from '../../../agent/collect-here.ts';
import { readProfileBundle } from '../../../agent/profile/profile-bundle.ts';
import type { Profile } from '../../../agent/profile/schema.ts';
import type { Engine } from '../../../engine/engine.ts';
import { openEngine } from '../../../engine/open-engine.ts';
import type { SwapEvent } from '../../../wire/swap.ts';
import { computeOwnOutputs, type OwnOutputs } from '../own-outputs.ts';
import { type Clients, startClients } from './start-clients.ts';

export type ServedAgent = {
  agent: Agent;
  /** The very engine that the agent runs, without the agent around it. */
  engine: Engine;
  /** In a process of their own, with their eyes on the agent's HTTP door. */
  clients: Clients;
  expected: OwnOutputs;
  close(): Promise<void>;
};

/**
 * A whole agent in this process: sensors, decisions, HTTP, and telemetry to a broker that stands in the clients' process. It calibrates anew, and
 * leaves nothing behind.
 */
export async function openServedAgent(options: {
  bundle: string;
  profile: Profile;
  onSwap?: (swap: SwapEvent) => void;
}): Promise<ServedAgent> {
  const { profile, onSwap = () => {} } = options;
  const bundle = await readProfileBundle(options.profile, options.bundle);
  // As `ebb run` does.
  collectHere();
  const cacheDir = await mkdtemp(join(tmpdir(), 'ebb-bench-'));
  const clients = startClients();
  let agent: Agent | undefined;
  async function close(): Promise<void> {
    await agent?.stop();
    await clients.stop();
    await rm(cacheDir, { recursive: true, force: true });
  }
  try {
    const broker = await clients.ask('startBroker', {});
    const opened: Engine[] = [];
    agent = openAgent({
      bundle,
      profile: {
        ...profile,
        http: { ...profile.http, host: '127.0.0.1', port: 0 },
        report: { ...profile.report, broker, device: 'bench' },
      },
      log: pino({ level: 'silent' }),
      cacheDir,
      onSwap,
      openEngine: async (...wishes) => {
        const engine = await openEngine(...wishes);
        opened.push(engine);
        return engine;
      },
    });
    const { url } = await agent.start();
    const [engine] = opened;
    if (url === undefined || engine === undefined)
      throw new Error('Cannot measure the agent as it must serve HTTP and run an engine: it does not');
    const expected = await computeOwnOutputs(engine);
    const { name, input } = bundle.manifest;
    const shape = input.shape.slice(1) as number[];
    await clients.ask('aim', { url, model: name, input: { name: input.name, shape }, expected });
    return { agent, engine, clients, expected, close };
  } catch (error) {
    await close();
    throw error;
  }
}
