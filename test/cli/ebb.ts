import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const cli = fileURLToPath(new URL('../../cli.js', import.meta.url));

/** Starts `ebb <args>` in a process of its own, with its output as pipes. */
export function spawnEbb(
  args: string[],
  options: { cwd?: string; stdin?: 'pipe'; env?: NodeJS.ProcessEnv } = {},
): ChildProcess {
  const { stdin = 'ignore', ...rest } = options;
  return spawn(process.execPath, [cli, ...args], { stdio: [stdin, 'pipe', 'pipe'], ...rest });
}

/** Runs `ebb <args>` to its end. */
export async function ebb(
  args: string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
): Promise<{ status: number | null; stdout: string; stderr: string }> {
  const child = spawnEbb(args, options);
  let stdout = '';
  let stderr = '';
  child.stdout?.on('data', (chunk) => (stdout += chunk));
  child.stderr?.on('data', (chunk) => (stderr += chunk));
  const [status] = await once(child, 'close');
  return { status, stdout, stderr };
}

/** Resolves once the process has printed something that matches, on either stream. */
export async function printed(child: ChildProcess, pattern: RegExp): Promise<string> {
  let text = '';
  return new Promise((resolve, reject) => {
    const see = (chunk: Buffer) => {
      text += chunk;
      if (pattern.test(text)) resolve(text);
    };
    child.stdout?.on('data', see);
    child.stderr?.on('data', see);
    child.once('exit', (status) =>
      reject(new Error(`ended with ${status} before it printed ${pattern}: ${text}`)),
    );
  });
}

/** Sends `signal` and tells the exit status; fails where the process needs more than 2 s. */
export async function endsWithin2s(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  const exited = once(child, 'exit');
  child.kill(signal);
  const late = setTimeout(() => child.kill('SIGKILL'), 2000);
  const [status, killedBy] = await exited;
  clearTimeout(late);
  if (killedBy === 'SIGKILL') throw new Error(`did not end within 2 s of ${signal}`);
  return status;
}
