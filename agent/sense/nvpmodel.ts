import { join } from 'node:path';
import { type AskCommand, askSeldom } from './ask-command.ts';
import { readBounded } from './read-bounded.ts';
import type { NoData, Reading, Sensor, SensorOptions } from './sensor.ts';
import { readTegraChip } from './tegra.ts';

/** How many cores of a Jetson are on, and how high all clocks may go. */
export type PowerMode = { id: number; name: string };

/** Parses what `nvpmodel -q` prints: `NV Power Mode: MAXN`, and the id on the next line. */
export function parsePowerMode(text: string): PowerMode | undefined {
  const [, name, id] = /^NV Power Mode: *([\x21-\x7e]{1,32}) *\r?\n *(\d{1,3})\s*$/m.exec(text) ?? [];
  return name === undefined ? undefined : { id: Number(id), name };
}

/** Parses the file in which nvpmodel keeps the mode, `pmode:0002`. @returns the mode's id. */
export function parseModeId(text: string): number | undefined {
  const digits = /\bpmode:(\d{1,4})\b/.exec(text)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/** Parses `/etc/nvpmodel.conf`: `< POWER_MODEL ID=0 NAME=MAXN >` begins each mode. */
export function parseModes(text: string): PowerMode[] {
  return Array.from(
    text.matchAll(/^\s*<\s*POWER_MODEL\s+ID=(\d{1,3})\s+NAME=([\x21-\x3d\x3f-\x7e]{1,32})\s*>/gm),
    ([, id, name = '']) => ({ id: Number(id), name }),
  );
}

/** `power_mode` of a Jetson: its id, and its name as a note; from nvpmodel's files, else from nvpmodel, every 30 s. */
export function createNvpmodelSensor(
  options: SensorOptions & { monotonicMs: () => number; ask: AskCommand },
): Sensor {
  const { root, nowMs, monotonicMs, ask } = options;
  const askMode = askSeldom(ask, 30_000, monotonicMs);

  async function readFiles(): Promise<PowerMode | undefined> {
    const status = await readBounded(join(root, 'var/lib/nvpmodel/status'), 256);
    const id = status === undefined ? undefined : parseModeId(status);
    if (id === undefined) return undefined;
    const modes = parseModes((await readBounded(join(root, 'etc/nvpmodel.conf'))) ?? '');
    return modes.find((mode) => mode.id === id);
  }

  return {
    name: 'nvpmodel',
    async read(): Promise<Reading[] | NoData> {
      if ((await readTegraChip(root)) === undefined) return { noData: 'this is no Jetson' };
      const answer = (await readFiles()) ?? parsePowerMode((await askMode('nvpmodel', ['-q'])) ?? '');
      if (answer === undefined)
        return {
          noData: 'neither the files of nvpmodel nor nvpmodel -q tell the power mode',
          cure: 'in a container, mount /var/lib/nvpmodel and /etc/nvpmodel.conf of the host, read-only',
        };
      return [{ name: 'power_mode', value: answer.id, unit: 'id', atMs: nowMs(), note: answer.name }];
    },
  };
}
