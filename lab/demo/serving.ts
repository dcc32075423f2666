import { join } from 'node:path';
import { type EbbProcess, startEbb } from './ebb-process.ts';

/** Starts `ebb run` on a free port and waits until it listens. */
export async function startServing(options: {
  bundle: string;
  broker: string;
  deadlineMs: number;
  batch: number;
  /** Folder of calibrations. */
  cache: string;
  out: string;
  say: (line: string) => void;
}): Promise<EbbProcess & { url: string }> {
  const agent = startEbb({
    args: ['run', options.bundle, '--profile', 'x86', '--device', 'demo', '--broker', options.broker]
      .concat(['--http', '127.0.0.1:0', '--deadline-ms', String(options.deadlineMs)])
      .concat(['--batch', String(options.batch), '--cache', options.cache, '--json']),
    logFile: join(options.out, 'agent.log'),
    onUnexpectedExit: (how) =>
      options.say(`the agent ended with ${how}; its log is ${join(options.out, 'agent.log')}`),
  });
  try {
    const { http } = await agent.waitFor('listening');
    return { ...agent, url: String(http) };
  } catch (error) {
    await agent.stop();
    throw error;
  }
}
