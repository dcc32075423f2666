import { spawn } from 'node:child_process';
import { once } from 'node:events';

/**
 * Runs a command in a process group of its own, so that Ctrl-C ends it with all its children at once: npm would go on for many
 * seconds. What it prints goes to standard error.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {{ cwd?: string, env?: object, timeLimitMs?: number, collect?: boolean, onStop?: (signal: string) => void }} options
 *   `collect` keeps standard output for the caller; `onStop` is called when a signal has ended the command, before this process ends.
 * @returns `status` (0 is success), or why there is none: `error` where it cannot be started, `timedOut`; and what was collected.
 */
export async function runCommand(command, args, options = {}) {
  const { cwd, env = process.env, timeLimitMs, collect = false, onStop = () => {} } = options;
  const child = spawn(command, args, {
    cwd,
    stdio: ['ignore', collect ? 'pipe' : 2, 2],
    env,
    detached: true,
  });
  const kill = () => {
    try {
      process.kill(-child.pid, 'SIGKILL');
    } catch {
      child.kill('SIGKILL'); // no process groups on Windows
    }
  };
  const stop = (signal) => process.exit(signal === 'SIGINT' ? 130 : 143);
  // However this process ends: several commands may run side by side, and `ebb setup` has a handler of its own.
  const end = (status) => {
    kill();
    onStop(status === 130 ? 'SIGINT' : 'SIGTERM');
  };
  let timedOut = false;
  const timer =
    timeLimitMs &&
    setTimeout(() => {
      timedOut = true;
      kill();
    }, timeLimitMs);
  let stdout = '';
  child.stdout?.on('data', (chunk) => {
    stdout += chunk;
  });
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  process.on('exit', end);
  try {
    const [status] = await once(child, 'close');
    return { status, timedOut, stdout };
  } catch (error) {
    return { status: null, timedOut, stdout, error };
  } finally {
    clearTimeout(timer);
    process.off('SIGINT', stop);
    process.off('SIGTERM', stop);
    process.off('exit', end);
  }
}
