import { type ChildProcess, spawn } from 'node:child_process';
import type { Socket } from 'node:net';

/**
 * Processes that sensors start.
 *
 * INVARIANTS
 * - none outlives `stop`, nor the end of this process, unless that is killed by SIGKILL; nor does any that they started;
 * - none keeps this process from ending.
 */
export type Children = {
  /** @returns undefined where it cannot be started, and after `stop`; what is not installed emits `error`. */
  start(file: string, args: readonly string[]): ChildProcess | undefined;
  /** Ends it and all that it has started, at once: what hangs may ignore SIGTERM. */
  kill(child: ChildProcess): void;
  /** Kills all; resolves as soon as they are gone, at the latest after 200 ms: one that waits inside a driver goes when that lets it. */
  stop(): Promise<void>;
};

const goneLimitMs = 200;
const isWindows = process.platform === 'win32';

export function createChildren(): Children {
  const live = new Set<ChildProcess>();
  let stopping: Promise<void> | undefined;

  function kill(child: ChildProcess): void {
    child.stdout?.destroy();
    try {
      // Each leads a process group of its own, so that a wrapper's children go with it.
      if (isWindows || child.pid === undefined) child.kill('SIGKILL');
      else process.kill(-child.pid, 'SIGKILL');
    } catch {
      // It has gone already.
    }
  }

  function killAll(): void {
    for (const child of live) kill(child);
  }

  function forget(child: ChildProcess): void {
    live.delete(child);
    if (live.size === 0) process.off('exit', killAll);
  }

  async function waitUntilGone(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, goneLimitMs);
    });
    const gone = Array.from(live, (child) => new Promise((resolve) => child.once('close', resolve)));
    killAll();
    await Promise.race([Promise.all(gone), late]);
    clearTimeout(timer);
  }

  return {
    start(file, args) {
      if (stopping) return undefined;
      let child: ChildProcess;
      try {
        child = spawn(file, args, {
          detached: !isWindows,
          stdio: ['ignore', 'pipe', 'ignore'],
          windowsHide: true,
          // Decimal points and English words, whatever the user's language.
          env: { ...process.env, LC_ALL: 'C' },
        });
      } catch {
        return undefined;
      }
      if (live.size === 0) process.on('exit', killAll);
      live.add(child);
      child.once('close', () => forget(child));
      child.once('error', () => forget(child));
      child.unref();
      (child.stdout as Socket | null)?.unref();
      return child;
    },
    kill,
    // Every sensor that has processes here calls it.
    stop() {
      stopping ??= waitUntilGone();
      return stopping;
    },
  };
}
