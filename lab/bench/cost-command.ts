import { Command, Option } from 'commander';
import { interruptSignal } from '../../terminal/interrupt.ts';
import { positiveInteger, positiveNumber } from '../../terminal/number-option.ts';
import { snakeJson } from '../../terminal/snake-json.ts';
import { backendChoices } from '../../trainer/backend/open-backend.ts';
import { dataSpecs } from '../../trainer/data/open-data.ts';
import { nets } from '../../trainer/net/nets.ts';
import { type CostBenchOptions, formatCostBench, runCostBench } from './cost-bench.ts';

type CostFlags = Omit<CostBenchOptions, 'signal'> & { json?: boolean };

/** `ebb lab bench cost`. */
export function costCommand(): Command {
  return new Command('cost')
    .description('what AST and joint training of several sub-nets cost against training one')
    .requiredOption('--data <spec>', dataSpecs)
    .addOption(new Option('--net <name>', 'net to train').choices(Object.keys(nets)).default('resnet8'))
    .option('--levels <list>', 'sparsities of the sub-nets', '0,0.8,0.9,0.95')
    .option('--against <list>', 'sparsity of the single run', '0.9')
    .option('--epochs <n>', 'epochs of each training', positiveNumber, 1)
    .option('--batch <n>', 'images in a step', positiveInteger, 128)
    .option('--rounds <n>', 'rounds, each of all three trainings side by side', positiveInteger, 3)
    .addOption(new Option('--backend <name>', 'what computes').choices(backendChoices).default('auto'))
    .option('--json', 'print the result as JSON')
    .action(async (flags: CostFlags) => {
      const options = { ...flags, signal: interruptSignal() };
      const result = await runCostBench(options);
      process.stdout.write(`${flags.json ? snakeJson(result) : formatCostBench(result)}\n`);
    });
}
