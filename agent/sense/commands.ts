import { join } from 'node:path';
import { type AskCommand, createAsk } from './ask-command.ts';
import { createChildren } from './children.ts';
import { createFollow, type FollowCommand } from './follow-command.ts';
import { readBounded } from './read-bounded.ts';

/** The tools of a device that sensors ask where no file tells. */
export type Commands = {
  ask: AskCommand;
  follow: FollowCommand;
  /** Ends what still runs; nothing is started afterwards. */
  stop(): Promise<void>;
};

/** Those of this machine. */
export function createCommands(monotonicMs: () => number): Commands {
  const children = createChildren();
  return {
    ask: createAsk(children),
    follow: createFollow(children, monotonicMs),
    stop: () => children.stop(),
  };
}

/** Those of a recorded machine: `<root>/commands/<command line>` holds what each one printed; this machine's would tell of another. */
export function recordedCommands(root: string): Commands {
  const read = (file: string, args: readonly string[]) =>
    readBounded(join(root, 'commands', [file, ...args].join(' ').replaceAll('/', '_')));
  return {
    ask: read,
    follow(file, args, onLine) {
      let trouble: string | undefined;
      return {
        // A recorded machine stands still: it prints the same again and again.
        keep() {
          void read(file, args).then((text) => {
            trouble = text === undefined ? 'it is not installed' : undefined;
            for (const line of (text ?? '').split('\n')) if (line.trim() !== '') onLine(line);
          });
        },
        get trouble() {
          return trouble;
        },
      };
    },
    stop: async () => {},
  };
}
