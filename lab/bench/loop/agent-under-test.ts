import type { Manifest } from '../../../bundle/manifest.ts';
import type { Split } from '../../../trainer/data/data-set.ts';
import type { EbbProcess } from '../../drive/ebb-process.ts';
import { startServing } from '../../drive/serving.ts';
import { readSwap, type TimedSwap } from '../../drive/timed-swap.ts';
import { InferClient } from '../../load/infer-client.ts';
import { createLabelledLoad, type LabelledLoad } from '../../load/labelled-load.ts';

export type AgentUnderTest = {
  bundle: string;
  manifest: Manifest;
  /** Labelled inputs that are sent. */
  split: Split;
  batch: number;
  deadlineMs: number;
  /** Absent: adaptive. */
  fixedLevel?: number;
  cache: string;
  out: string;
  say: (line: string) => void;
};

export type Serving = {
  pid: number;
  level: number;
  send: LabelledLoad['send'];
  /** Those that the agent has told of so far. */
  swaps: readonly TimedSwap[];
};

/** Starts an agent of its own, lets `use` send to it, and ends it, whatever comes. */
export async function withAgent<Result>(
  options: AgentUnderTest,
  use: (serving: Serving) => Promise<Result>,
): Promise<Result> {
  const { manifest, split, batch, say } = options;
  const swaps: TimedSwap[] = [];
  const agent: EbbProcess & { url: string; level: number } = await startServing({
    ...options,
    onEvent: (event) => {
      if (event.event !== 'swap') return;
      swaps.push(readSwap(event));
      say(`  swap  level ${event.from} -> ${event.to}: ${event.reason}`);
    },
  });
  const [, ...shape] = manifest.input.shape as ['batch', ...number[]];
  const client = new InferClient({
    url: agent.url,
    model: manifest.name,
    input: { name: manifest.input.name, shape },
  });
  try {
    const { send } = createLabelledLoad({ client, split, manifest, batch });
    return await use({ pid: agent.pid ?? 0, level: agent.level, send, swaps });
  } finally {
    client.close();
    await agent.stop();
  }
}
