import type { Children } from './children.ts';

export type AskCommand = (file: string, args: string[]) => Promise<string | undefined>;

const defaultLimitMs = 800;
const limitBytes = 64 * 1024;

/**
 * Asks short commands: resolves to what one prints; to undefined where it is absent, fails, prints too much, or hangs: it is killed then.
 * A command that even that does not end, as it waits inside a driver, is not asked again before it is gone.
 */
export function createAsk(children: Children, limitMs = defaultLimitMs): AskCommand {
  const running = new Set<string>();
  return (file, args) => {
    const key = [file, ...args].join('\0');
    const child = running.has(key) ? undefined : children.start(file, args);
    if (child === undefined) return Promise.resolve(undefined);
    running.add(key);
    return new Promise((resolve) => {
      const chunks: Buffer[] = [];
      let length = 0;
      const end = () => {
        children.kill(child);
        resolve(undefined);
      };
      const timer = setTimeout(end, limitMs);
      child.stdout?.on('data', (chunk: Buffer) => {
        length += chunk.length;
        if (length > limitBytes) end();
        else chunks.push(chunk);
      });
      const finish = (answer: string | undefined) => {
        clearTimeout(timer);
        running.delete(key);
        resolve(answer);
      };
      child.once('error', () => finish(undefined));
      child.once('close', (status) =>
        finish(status === 0 ? Buffer.concat(chunks).toString('utf8') : undefined),
      );
    });
  };
}

/**
 * Asks at most once in `everyMs` and repeats the last answer between: a process costs more than a file. Those that ask while a command runs
 * share its answer.
 */
export function askSeldom(ask: AskCommand, everyMs: number, monotonicMs: () => number): AskCommand {
  const answers = new Map<string, { atMs: number; answer: Promise<string | undefined> }>();
  return (file, args) => {
    const key = [file, ...args].join('\0');
    const last = answers.get(key);
    if (last && monotonicMs() - last.atMs < everyMs) return last.answer;
    const answer = ask(file, args);
    answers.set(key, { atMs: monotonicMs(), answer });
    return answer;
  };
}
