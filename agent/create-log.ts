import { type Logger as PinoLogger, pino } from 'pino';

const labels: Record<number, string> = {
  10: 'trace',
  20: 'debug',
  30: 'info',
  40: 'warn',
  50: 'error',
  60: 'fatal',
};

/** One line for people out of one of pino's. */
export function formatLogLine(line: string): string {
  try {
    const { time, level, msg } = JSON.parse(line) as { time: number; level: number; msg?: string };
    const clock = new Date(time).toTimeString().slice(0, 8);
    return `${clock} ${(labels[level] ?? '').padEnd(5)} ${msg ?? ''}\n`;
  } catch {
    return line;
  }
}

/** A log on standard error: JSON lines, or plain ones where a person looks at a terminal. Level: `EBB_LOG`, default info. */
export function createLog(
  options: { stream?: NodeJS.WriteStream; env?: NodeJS.ProcessEnv } = {},
): PinoLogger {
  const { stream = process.stderr, env = process.env } = options;
  const level = Object.values(labels).includes(env.EBB_LOG ?? '') ? (env.EBB_LOG as string) : 'info';
  const write = stream.isTTY
    ? (line: string) => void stream.write(formatLogLine(line))
    : (line: string) => void stream.write(line);
  return pino({ level, base: null }, { write });
}
