import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { createChildren } from '../../agent/sense/children.ts';
import type { Stress } from './cpu-stress.ts';

/** Should this process be killed so that it cannot stop it, stress-ng ends by itself so long after it was due to. */
const graceS = 10;

/** @throws Error where stress-ng is not installed. */
export async function requireStressNg(): Promise<void> {
  try {
    await promisify(execFile)('stress-ng', ['--version']);
  } catch (cause) {
    throw new Error(
      'stress-ng must be installed: it was not found; install it (Debian: apt-get install stress-ng)',
      { cause },
    );
  }
}

/**
 * Starts `stress-ng <args>`, with all that it forks, for at most `durationS` and a grace.
 * @returns whose `stop` throws an Error where it had ended before: nothing was stressed then.
 */
export function startStressNg(args: readonly string[], durationS: number): Stress {
  const children = createChildren();
  const child = children.start('stress-ng', [
    ...args,
    '--timeout',
    `${Math.ceil(durationS + graceS)}s`,
    '--quiet',
  ]);
  const ended = child ? once(child, 'exit').catch((error: Error) => [error.message]) : undefined;
  return {
    async stop() {
      const early = await Promise.race([ended ?? ['it cannot be started'], Promise.resolve(undefined)]);
      await children.stop();
      if (early)
        throw new Error(
          `Cannot stress the machine as "stress-ng ${args.join(' ')}" must run until it is stopped: it ended with ${early[0]}; try it by hand`,
        );
    },
  };
}
