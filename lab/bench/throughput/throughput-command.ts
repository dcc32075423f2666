import { Command } from 'commander';
import { interruptSignal } from '../../../terminal/interrupt.ts';
import { positiveInteger, wholeNumber } from '../../../terminal/number-option.ts';
import { snakeJson } from '../../../terminal/snake-json.ts';
import { UsageError } from '../../../terminal/usage-error.ts';
import { formatThroughputBench, runThroughputBench } from './throughput-bench.ts';

type ThroughputFlags = {
  shape: string;
  batch: number;
  steps: number;
  rounds: number;
  python: string;
  json?: boolean;
};

/** `ebb lab bench throughput`. */
export function throughputCommand(): Command {
  return new Command('throughput')
    .description(
      'images a second of whole training steps of resnet8: every back end, and PyTorch where it is',
    )
    .option('--shape <HxWxC>', 'height, width and channels of an image', '28x28x1')
    .option('--batch <n>', 'images in a step', positiveInteger, 64)
    .option('--steps <n>', 'steps of one turn; the first quarter is not counted', wholeNumber(8), 60)
    .option('--rounds <n>', 'rounds, each a turn of every back end', positiveInteger, 5)
    .option('--python <path>', 'a Python with torch', 'python3')
    .option('--json', 'print the result as JSON')
    .action(async ({ json, shape, ...flags }: ThroughputFlags) => {
      const sizes = shape.split('x').map(positiveInteger);
      if (sizes.length !== 3)
        throw new UsageError(
          `Cannot use --shape as it must be HxWxC, e.g. 28x28x1: current value is "${shape}"`,
        );
      const options = { ...flags, shape: sizes as [number, number, number], signal: interruptSignal() };
      const result = await runThroughputBench(options);
      process.stdout.write(`${json ? snakeJson(result, 2) : formatThroughputBench(result)}\n`);
    });
}
