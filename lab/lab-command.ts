import { Command, Option } from 'commander';
import { interruptSignal } from '../terminal/interrupt.ts';
import { positiveInteger, positiveNumber } from '../terminal/number-option.ts';
import { snakeJson } from '../terminal/snake-json.ts';
import { dataSpecs } from '../trainer/data/open-data.ts';
import { nets } from '../trainer/net/nets.ts';
import { parseLevels } from '../trainer/train-command.ts';
import { type CostBenchOptions, formatCostBench, runCostBench } from './bench/cost-bench.ts';
import { formatSwapBench, runSwapBench } from './bench/swap-bench.ts';

type SwapFlags = {
  through: 'engine' | 'http';
  requests: number;
  inFlight: number;
  swapEvery: number;
  rounds: number;
  json?: boolean;
};

function swapCommand(): Command {
  return new Command('swap')
    .description('what a change of level costs the requests in flight')
    .argument('<bundle>', 'folder of the bundle')
    .addOption(
      new Option('--through <door>', 'the engine alone, or a whole agent over HTTP')
        .choices(['engine', 'http'])
        .default('engine'),
    )
    .option('--requests <n>', 'requests sent while swapping', positiveInteger, 20_000)
    .option('--in-flight <n>', 'requests in flight', positiveInteger, 8)
    .option('--swap-every <ms>', 'time between two swaps', positiveInteger, 20)
    .option('--rounds <n>', 'rounds, each beside one without swaps', positiveInteger, 5)
    .option('--json', 'print the result as JSON')
    .action(async (bundle: string, flags: SwapFlags) => {
      const { through, requests, inFlight, swapEvery, rounds } = flags;
      const result = await runSwapBench({
        bundle,
        through,
        requests,
        inFlight,
        swapEveryMs: swapEvery,
        rounds,
      });
      process.stdout.write(`${flags.json ? snakeJson(result) : formatSwapBench(result)}\n`);
    });
}

type CostFlags = Omit<CostBenchOptions, 'signal'> & { json?: boolean };

function costCommand(): Command {
  return new Command('cost')
    .description('what training several sub-nets costs against training one')
    .requiredOption('--data <spec>', dataSpecs)
    .addOption(new Option('--net <name>', 'net to train').choices(Object.keys(nets)).default('resnet8'))
    .option('--levels <list>', 'sparsities of the sub-nets', parseLevels, [0, 0.8, 0.9])
    .option('--against <list>', 'sparsities of the other training', parseLevels, [0.9])
    .option('--epochs <n>', 'epochs of each training', positiveNumber, 0.2)
    .option('--batch <n>', 'images in a step', positiveInteger, 64)
    .option('--rounds <n>', 'rounds, each of both trainings', positiveInteger, 5)
    .option('--json', 'print the result as JSON')
    .action(async (flags: CostFlags) => {
      const options = { ...flags, signal: interruptSignal() };
      const result = await runCostBench(options);
      process.stdout.write(`${flags.json ? snakeJson(result) : formatCostBench(result, options)}\n`);
    });
}

/** `ebb lab`: stressors, load and benchmarks. */
export function command(): Command {
  const bench = new Command('bench')
    .description('measure one thing against another in one run')
    .addCommand(swapCommand())
    .addCommand(costCommand());
  return new Command('lab').addCommand(bench);
}
