import { join } from 'node:path';
import { type EbbEvent, type EbbProcess, startEbb } from './ebb-process.ts';

export type ServingOptions = {
  bundle: string;
  deadlineMs: number;
  batch: number;
  /** Folder of calibrations. */
  cache: string;
  /** The agent's log stands here. */
  out: string;
  /** Where it reports to; absent: nowhere. */
  broker?: string;
  /** Absent: the most accurate level that meets the deadline. */
  fixedLevel?: number;
  onEvent?: (event: EbbEvent) => void;
  say: (line: string) => void;
};

/** Starts `ebb run` on a free port and waits until it listens. */
export async function startServing(
  options: ServingOptions,
): Promise<EbbProcess & { url: string; level: number }> {
  const { bundle, deadlineMs, batch, cache, out, broker, fixedLevel, onEvent, say } = options;
  const logFile = join(out, 'agent.log');
  const agent = startEbb({
    args: ['run', bundle, '--profile', 'x86', '--device', 'demo', '--http', '127.0.0.1:0', '--json']
      .concat(['--deadline-ms', String(deadlineMs), '--batch', String(batch), '--cache', cache])
      .concat(broker === undefined ? [] : ['--broker', broker])
      .concat(fixedLevel === undefined ? [] : ['--policy', 'fixed', '--level', String(fixedLevel)]),
    logFile,
    ...(onEvent ? { onEvent } : {}),
    onUnexpectedExit: (how) => say(`the agent ended with ${how}; its log is ${logFile}`),
  });
  try {
    const { http, level } = await agent.waitFor('listening');
    return { ...agent, url: String(http), level: Number(level) };
  } catch (error) {
    await agent.stop();
    throw error;
  }
}
