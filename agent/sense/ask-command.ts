import { execFile } from 'node:child_process';

export type AskCommand = (file: string, args: string[]) => Promise<string | undefined>;

const limitMs = 800;
const limitBytes = 64 * 1024;

/** What a short command prints; undefined where it is absent, fails, prints too much, or hangs: it is killed then. */
export const askCommand: AskCommand = (file, args) =>
  new Promise((resolve) => {
    const options = {
      timeout: limitMs,
      killSignal: 'SIGKILL',
      maxBuffer: limitBytes,
      windowsHide: true,
    } as const;
    execFile(file, args, options, (error, stdout) => resolve(error ? undefined : stdout)).on('error', () =>
      resolve(undefined),
    );
  });

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
