import { Command } from 'commander';
import { interruptSignal } from '../../terminal/interrupt.ts';
import { positiveInteger } from '../../terminal/number-option.ts';
import { snakeJson } from '../../terminal/snake-json.ts';
import { formatSensorsBench, runSensorsBench } from './sensors-bench.ts';

type SensorsFlags = { root: string[]; polls: number; json?: boolean };

/** `ebb lab bench sensors`. */
export function sensorsCommand(): Command {
  return new Command('sensors')
    .description('what reading each sensor costs')
    .option('--root <dir...>', 'folders that hold proc/ and sys/', ['/'])
    .option('--polls <n>', 'readings of each sensor', positiveInteger, 200)
    .option('--json', 'print the result as JSON')
    .action(async ({ root: roots, polls, json }: SensorsFlags) => {
      const result = await runSensorsBench({ roots, polls, signal: interruptSignal() });
      process.stdout.write(`${json ? snakeJson(result) : formatSensorsBench(result)}\n`);
    });
}
