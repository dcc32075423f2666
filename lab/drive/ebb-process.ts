import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const cli = fileURLToPath(new URL('../../cli.js', import.meta.url));
const stopLimitMs = 1500;

/** Ends in order when standard input closes: it cannot outlive the process that started it, however that one ends. */
const endWithParent = `data:text/javascript,${encodeURIComponent(`
import { isMainThread } from 'node:worker_threads';
if (isMainThread) process.stdin.on('close', () => process.kill(process.pid, 'SIGTERM')).resume().unref();
`)}`;

/** On loopback without a token, whatever the caller's environment says: what the lab starts has none for each other. */
function ownEnvironment(): NodeJS.ProcessEnv {
  const { EBB_TOKEN: _, ...env } = process.env;
  return env;
}

/** One line of a verb's `--json` output. */
export type EbbEvent = { event: string } & Record<string, unknown>;

export type EbbProcess = {
  /** Of the process; undefined where it could not be started. */
  readonly pid: number | undefined;
  /** The next line whose `event` is `name`. @throws Error where the process ends first. */
  waitFor(name: string): Promise<EbbEvent>;
  /** Ends it with SIGTERM, after 1.5 s with SIGKILL. */
  stop(): Promise<void>;
};

export type StartOptions = {
  /** The verb and its arguments. */
  args: string[];
  /** Where standard error goes; absent: to this process's own. */
  logFile?: string;
  onEvent?: (event: EbbEvent) => void;
  /** Called where the process ends though nobody stopped it. */
  onUnexpectedExit?: (how: string) => void;
};

function parseEvent(line: string): EbbEvent | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null && 'event' in value ? (value as EbbEvent) : undefined;
  } catch {
    return undefined;
  }
}

/** Starts `ebb <args>`, a verb that prints JSON lines, as a process of its own. */
export function startEbb(options: StartOptions): EbbProcess {
  const log = options.logFile === undefined ? undefined : openSync(options.logFile, 'a');
  const child: ChildProcess = spawn(process.execPath, ['--import', endWithParent, cli, ...options.args], {
    stdio: ['pipe', 'pipe', log ?? 'inherit'],
    // What serves runs as systemd/ebb.service has it, unless the caller says otherwise.
    env: { NODE_OPTIONS: '--max-semi-space-size=4', ...ownEnvironment() },
  });
  if (log !== undefined) closeSync(log);
  let stopping = false;
  const exited = once(child, 'exit').then(([code, signal]) => {
    const how = signal === null ? `status ${code}` : String(signal);
    if (!stopping) options.onUnexpectedExit?.(how);
    return how;
  });
  const waiting: { name: string; resolve: (event: EbbEvent) => void }[] = [];
  if (child.stdout)
    createInterface({ input: child.stdout }).on('line', (line) => {
      const event = parseEvent(line);
      if (event === undefined) return;
      options.onEvent?.(event);
      for (const entry of waiting.splice(0)) {
        if (entry.name === event.event) entry.resolve(event);
        else waiting.push(entry);
      }
    });
  return {
    pid: child.pid,
    waitFor(name) {
      const seen = new Promise<EbbEvent>((resolve) => waiting.push({ name, resolve }));
      const ended = exited.then((how) => {
        const where = options.logFile === undefined ? '' : `; its log is ${options.logFile}`;
        throw new Error(`"ebb ${options.args[0]}" ended with ${how} before it was ready${where}`);
      });
      return Promise.race([seen, ended]);
    },
    async stop() {
      stopping = true;
      child.kill('SIGTERM');
      const late = await Promise.race([exited.then(() => false), sleep(stopLimitMs, true, { ref: false })]);
      if (late) child.kill('SIGKILL');
      await exited;
    },
  };
}

/**
 * Runs `ebb <args>` to its end and returns its standard output.
 *
 * @throws Error where it ends with a status other than 0, or `signal` aborts it.
 */
export async function runEbb(args: string[], signal: AbortSignal): Promise<string> {
  const child = spawn(process.execPath, [cli, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: ownEnvironment(),
  });
  const stop = () => {
    child.kill('SIGTERM');
    setTimeout(() => child.kill('SIGKILL'), stopLimitMs).unref();
  };
  signal.addEventListener('abort', stop);
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  const [code, killed] = await once(child, 'close');
  signal.removeEventListener('abort', stop);
  signal.throwIfAborted();
  if (code !== 0) throw new Error(`"ebb ${args[0]}" ended with ${killed ?? `status ${code}`}`);
  return Buffer.concat(chunks).toString('utf8');
}
