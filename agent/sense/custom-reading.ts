import { join } from 'node:path';
import { type AskCommand, askSeldom } from './ask-command.ts';
import { readBounded } from './read-bounded.ts';
import type { NoData, Reading, Sensor, SensorOptions } from './sensor.ts';

/** A number that a profile asks for: from a file, or from what a command prints. Opens the door to whatever ebb does not know, such as UPS HATs. */
export type CustomReading = Readonly<
  {
    name: string;
    unit: string;
    /** The number is multiplied by it: 0.01 makes a percentage a ratio. */
    scale: number;
  } & ({ file: string } | { command: readonly string[]; everyMs: number })
>;

/** A number that stands by itself: not the end of a name, such as BAT0, of a longer number, or of a date. */
const number =
  /(?<![\p{L}\p{N}_+\-−.]|\p{N}[,'’_:/\u00a0\u2007\u2009\u202f\u066c·^])[+\-−]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?/giu;
/** What makes it the part of something else: thousands that are set apart, a decimal comma, a version, a date, a time, an id, a hexadecimal number. */
const goesOn =
  /^(?:[.,'’_:/\-−\u00a0\u2007\u2009\u202f\u066c·^]?\d|[\p{L}_]+\d|\p{No}|e[+\-−]?(?!\p{L})|\s*[×x*·]\s*10\b)/iu;
/** `1 234`: a number in groups of three, or two numbers. */
const groupOfThree = /^ \d{3}(?!\d)/;
/** What stands before a number and belongs to it: a sign that is set apart, or a value that is no number, so that the next one is another's. */
const belongsBefore = /(?:^|[=:(\n])\s*[-−]\s+$|\b(?:nan|inf|infinity)\b/i;

/**
 * The first number in a text, whole: `1,234.5` has two readings, and is none.
 * @returns undefined if there is none, if it is a part of something else, or if it is too large for a double.
 */
export function firstNumber(text: string): number | undefined {
  const { value: match } = text.matchAll(number).next();
  if (match === undefined) return undefined;
  const digits = match[0];
  const rest = text.slice(match.index + digits.length, match.index + digits.length + 64);
  if (goesOn.test(rest) || (/^[+\-−]?0$/.test(digits) && /^(?:x|[ob][\da-f])/i.test(rest))) return undefined;
  if (/^[+\-−]?[1-9]\d{0,2}$/.test(digits) && groupOfThree.test(rest)) return undefined;
  if (belongsBefore.test(text.slice(0, match.index))) return undefined;
  const value = Number(digits.replace('−', '-'));
  return Number.isFinite(value) ? value : undefined;
}

const limitBytes = 4096;

/** The beginning of a file. A word that the limit cuts is left out, as half a number is a wrong one. */
async function readWhole(path: string): Promise<string | undefined> {
  const text = await readBounded(path, limitBytes);
  return text !== undefined && Buffer.byteLength(text) >= limitBytes ? text.replace(/\S+$/u, '') : text;
}

/** One custom reading as a sensor of the same name. */
export function createCustomSensor(
  reading: CustomReading,
  { root, nowMs, monotonicMs, ask }: SensorOptions & { monotonicMs: () => number; ask: AskCommand },
): Sensor {
  const { name, unit, scale } = reading;
  const seldom = 'command' in reading ? askSeldom(ask, reading.everyMs, monotonicMs) : ask;

  /** A command's answer is repeated until it is asked again: it is as old as it is. */
  let answered: { answer: Promise<string | undefined>; atMs: number } | undefined;

  async function readText(): Promise<string | NoData> {
    if ('file' in reading)
      return (
        (await readWhole(join(root, reading.file))) ?? {
          noData: `the file "${reading.file}" cannot be read`,
        }
      );
    const [program = '', ...args] = reading.command;
    const answer = seldom(program, args);
    if (answer !== answered?.answer) answered = { answer, atMs: nowMs() };
    return (
      (await answer) ?? {
        noData: `the command "${program}" failed, or took too long`,
        cure: 'run it by hand as the user that ebb runs as',
      }
    );
  }

  return {
    name,
    async read(): Promise<Reading[] | NoData> {
      const text = await readText();
      if (typeof text !== 'string') return text;
      const value = firstNumber(text);
      if (value === undefined || !Number.isFinite(value * scale))
        return { noData: 'what was read has no number, or none that has one meaning alone' };
      return [{ name, value: value * scale, unit, atMs: answered?.atMs ?? nowMs() }];
    },
  };
}
