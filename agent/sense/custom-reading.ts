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

/** The first number in a text. @returns undefined where there is none. */
export function firstNumber(text: string): number | undefined {
  const digits = /[-+]?\d{1,15}(?:\.\d{1,15})?(?:e[-+]?\d{1,2})?/i.exec(text)?.[0];
  return digits === undefined ? undefined : Number(digits);
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
        (await readBounded(join(root, reading.file), 4096)) ?? {
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
      if (value === undefined) return { noData: 'there is no number in what was read' };
      return [{ name, value: value * scale, unit, atMs: answered?.atMs ?? nowMs() }];
    },
  };
}
