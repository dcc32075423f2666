import { Command, Option } from 'commander';
import { interruptSignal } from '../../../terminal/interrupt.ts';
import { positiveInteger, positiveNumber } from '../../../terminal/number-option.ts';
import { createProgress } from '../../../terminal/progress.ts';
import { snakeJson } from '../../../terminal/snake-json.ts';
import { backendChoices } from '../../../trainer/backend/open-backend.ts';
import { dataSpecs } from '../../../trainer/data/open-data.ts';
import { parseLevels } from '../../../trainer/levels.ts';
import { nets } from '../../../trainer/net/nets.ts';
import { formatAstBench } from './format-ast-bench.ts';

type AstFlags = {
  data: string;
  net: string;
  width: number;
  levels: string;
  epochs: number;
  batch: number;
  validation: number;
  rates: string;
  seeds: number;
  backend: (typeof backendChoices)[number];
  vary?: boolean;
  finished?: boolean;
  store: string;
  json?: boolean;
};

/** `ebb lab bench ast`. */
export function astCommand(): Command {
  return new Command('ast')
    .description('AST against one training a level and against joint training; goes on where it stopped')
    .requiredOption('--data <spec>', dataSpecs)
    .addOption(new Option('--net <name>', 'net to train').choices(Object.keys(nets)).default('resnet8'))
    .option('--width <factor>', 'factor on the channels of every hidden layer', positiveNumber, 1)
    .option('--levels <list>', 'sparsities of the sub-nets', '0.8,0.9,0.95')
    .option('--epochs <n>', 'epochs of each training', positiveNumber, 5)
    .option('--batch <n>', 'samples in a step', positiveInteger, 128)
    .option('--seeds <n>', 'seeds of each method', positiveInteger, 3)
    .option('--rates <list>', 'peaks of the learning rate to try; AST tries twice each', '0.05,0.1,0.2')
    .option(
      '--validation <share>',
      'share of the training samples that choices are made on',
      positiveNumber,
      0.08,
    )
    .addOption(new Option('--backend <name>', 'what computes').choices(backendChoices).default('auto'))
    .option('--vary', "vary AST's settings, too: order, update interval, ramp, drop-and-grow, distribution")
    .option('--finished', 'train nothing: tell of the runs that are there')
    .option('--store <dir>', 'folder of the result, and of the runs that it remembers', 'runs/bench-ast')
    .option('--json', 'print the result as JSON')
    .action(async ({ json, vary = false, finished = false, ...flags }: AstFlags) => {
      const progress = createProgress();
      const hooks = {
        signal: interruptSignal(),
        onProgress: (line: string) => progress.update(line),
        onNote: (line: string) => process.stderr.write(`ebb lab bench ast: ${line}\n`),
      };
      const levels = parseLevels(flags.levels).map(({ sparsity }) => String(sparsity));
      const rates = flags.rates.split(',').map(positiveNumber);
      const options = { ...flags, levels, rates, vary, finishedOnly: finished };
      const { runAstBench } = await import('./ast-bench.ts');
      const result = await runAstBench(options, hooks).finally(() => progress.done());
      process.stdout.write(`${json ? snakeJson(result, 2) : formatAstBench(result)}\n`);
    });
}
