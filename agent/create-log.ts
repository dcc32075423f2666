import { type Logger as PinoLogger, pino } from 'pino';

const labels: Record<number, string> = {
  10: 'trace',
  20: 'debug',
  30: 'info',
  40: 'warn',
  50: 'error',
  60: 'fatal',
};

/** Date and time of day here, to the second: `2026-11-30 14:05:09`. */
function localTime(date: Date): string {
  const minutes = date.getTimezoneOffset();
  return new Date(date.getTime() - minutes * 60_000).toISOString().slice(0, 19).replace('T', ' ');
}

/** One line for people out of one of pino's. */
export function formatLogLine(line: string): string {
  try {
    const { time, level, msg } = JSON.parse(line) as { time: number; level: number; msg?: string };
    const clock = localTime(new Date(time));
    return `${clock} ${(labels[level] ?? '').padEnd(5)} ${msg ?? ''}\n`;
  } catch {
    return line;
  }
}

export const logFormats = ['text', 'json'] as const;
export type LogFormat = (typeof logFormats)[number];

/**
 * A log on standard error.
 * @param options.format lines for people, also into a pipe or a file; or JSON lines for programs. Default: text.
 * @param options.env `EBB_LOG` is the least level that is written; default info.
 */
export function createLog(
  options: { format?: LogFormat; stream?: NodeJS.WritableStream; env?: NodeJS.ProcessEnv } = {},
): PinoLogger {
  const { format = 'text', stream = process.stderr, env = process.env } = options;
  const level = Object.values(labels).includes(env.EBB_LOG ?? '') ? (env.EBB_LOG as string) : 'info';
  const write = (line: string) => void stream.write(format === 'text' ? formatLogLine(line) : line);
  return pino({ level, base: null }, { write });
}
