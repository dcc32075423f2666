import type { ChildProcess } from 'node:child_process';
import { StringDecoder } from 'node:string_decoder';
import type { Children } from './children.ts';

/** A command that goes on printing lines. */
export type Following = {
  /** Keeps it running, and starts it anew where it has ended and its back-off is over. Call it with each reading. */
  keep(): void;
  /** Why it does not run; undefined while it does. */
  readonly trouble: string | undefined;
};

/** Nothing is started before `keep`. `onLine` must not throw. */
export type FollowCommand = (
  file: string,
  args: readonly string[],
  onLine: (line: string) => void,
) => Following;

export type FollowLimits = {
  /** From one start to the next, at first and at most; it doubles with each process that did not last. */
  backOffMs: readonly [first: number, most: number];
  /** A process that is silent for so long hangs. */
  silentMs: number;
  /** A process that nobody has asked to keep for so long is not needed any more. */
  idleMs: number;
};

const usualLimits: FollowLimits = { backOffMs: [1000, 60_000], silentMs: 15_000, idleMs: 30_000 };
/** A process that has printed for so long is well: should it end, it is started anew at once. */
const steadyMs = 10_000;
/** Far above what any of these tools print. */
const maxLineChars = 16 * 1024;
const maxBytesPerS = 64 * 1024;

/**
 * Follows commands: one process each, which is killed and later started anew where it hangs, ends or prints without end, and is killed
 * once nobody asks any more.
 */
export function createFollow(
  children: Children,
  monotonicMs: () => number,
  limits: FollowLimits = usualLimits,
): FollowCommand {
  const [firstBackOffMs, mostBackOffMs] = limits.backOffMs;
  return (file, args, onLine) => {
    let child: ChildProcess | undefined;
    let trouble: string | undefined;
    let startedMs = Number.NEGATIVE_INFINITY;
    let heardMs = 0;
    let nextStartMs = Number.NEGATIVE_INFINITY;
    let backOffMs = firstBackOffMs;
    let idle: NodeJS.Timeout | undefined;

    function end(ended: ChildProcess, reason: string | undefined): void {
      if (child !== ended) return;
      child = undefined;
      trouble = reason;
      clearTimeout(idle);
      children.kill(ended);
    }

    function listen(started: ChildProcess): void {
      const decoder = new StringDecoder('utf8');
      let rest = '';
      let second = { fromMs: monotonicMs(), bytes: 0 };
      started.stdout?.on('data', (chunk: Buffer) => {
        if (child !== started) return;
        heardMs = monotonicMs();
        if (heardMs - second.fromMs >= 1000) second = { fromMs: heardMs, bytes: 0 };
        second.bytes += chunk.length;
        const lines = (rest + decoder.write(chunk)).split(/\r?\n/);
        rest = lines.pop() ?? '';
        if (second.bytes > maxBytesPerS || rest.length > maxLineChars) {
          end(started, 'it prints without end');
          return;
        }
        for (const line of lines) if (line.trim() !== '') onLine(line);
        if (lines.length > 0 && heardMs - startedMs >= steadyMs) backOffMs = firstBackOffMs;
      });
    }

    function start(): void {
      startedMs = monotonicMs();
      heardMs = startedMs;
      nextStartMs = startedMs + backOffMs;
      backOffMs = Math.min(mostBackOffMs, backOffMs * 2);
      const started = children.start(file, args);
      if (started === undefined) {
        trouble = 'it cannot be started';
        return;
      }
      child = started;
      trouble = undefined;
      listen(started);
      started.once('error', (error: NodeJS.ErrnoException) =>
        end(
          started,
          error.code === 'ENOENT' ? 'it is not installed' : `it cannot be started (${error.code})`,
        ),
      );
      started.once('close', (status) => end(started, `it ended with status ${status ?? 'unknown'}`));
      idle = setTimeout(() => end(started, undefined), limits.idleMs);
      idle.unref();
    }

    return {
      keep() {
        if (child !== undefined && monotonicMs() - heardMs > limits.silentMs) end(child, 'it prints nothing');
        if (child !== undefined) idle?.refresh();
        else if (monotonicMs() >= nextStartMs) start();
      },
      get trouble() {
        return trouble;
      },
    };
  };
}
