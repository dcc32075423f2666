import { createLogUpdate } from 'log-update';

const plainIntervalMs = 10_000;

export type Progress = {
  /** Shows `line` in place of the previous one; where standard error is no terminal, at most one line in 10 s is printed. */
  update(line: string): void;
  /** Leaves `line` standing. */
  done(line?: string): void;
};

/** One progress line on standard error, so that standard output holds results alone. */
export function createProgress(
  options: { stream?: NodeJS.WriteStream; nowMs?: () => number } = {},
): Progress {
  const stream = options.stream ?? process.stderr;
  const nowMs = options.nowMs ?? (() => performance.now());
  if (!stream.isTTY) {
    // What is over sooner needs no line.
    let printedMs = nowMs();
    return {
      update(line) {
        if (nowMs() - printedMs < plainIntervalMs) return;
        printedMs = nowMs();
        stream.write(`${line}\n`);
      },
      done(line) {
        if (line !== undefined) stream.write(`${line}\n`);
      },
    };
  }
  const log = createLogUpdate(stream);
  return {
    update: (line) => log(line),
    done(line) {
      if (line === undefined) log.clear();
      else log(line);
      log.done();
    },
  };
}
