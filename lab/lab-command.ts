import { Command, Option } from 'commander';
import { interruptSignal } from '../terminal/interrupt.ts';
import { positiveInteger, positiveNumber } from '../terminal/number-option.ts';
import { createProgress } from '../terminal/progress.ts';
import { snakeJson } from '../terminal/snake-json.ts';
import { backendChoices } from '../trainer/backend/open-backend.ts';
import { dataSpecs } from '../trainer/data/open-data.ts';
import { parseLevels } from '../trainer/levels.ts';
import { nets } from '../trainer/net/nets.ts';
import { runAstBench } from './bench/ast/ast-bench.ts';
import { formatAstBench } from './bench/ast/format-ast-bench.ts';
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
    .option('--levels <list>', 'sparsities of the sub-nets', '0,0.8,0.9')
    .option('--against <list>', 'sparsities of the other training', '0.9')
    .option('--epochs <n>', 'epochs of each training', positiveNumber, 0.2)
    .option('--batch <n>', 'images in a step', positiveInteger, 64)
    .option('--rounds <n>', 'rounds, each of both trainings', positiveInteger, 5)
    .addOption(new Option('--backend <name>', 'what computes').choices(backendChoices).default('auto'))
    .option('--json', 'print the result as JSON')
    .action(async (flags: CostFlags) => {
      const options = { ...flags, signal: interruptSignal() };
      const result = await runCostBench(options);
      process.stdout.write(`${flags.json ? snakeJson(result) : formatCostBench(result, options)}\n`);
    });
}

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
  store: string;
  json?: boolean;
};

function astCommand(): Command {
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
    .option('--store <dir>', 'folder of the finished runs', 'runs/bench-ast')
    .option('--json', 'print the result as JSON')
    .action(async ({ json, vary = false, ...flags }: AstFlags) => {
      const progress = createProgress();
      const hooks = {
        signal: interruptSignal(),
        onProgress: (line: string) => progress.update(line),
        onNote: (line: string) => process.stderr.write(`ebb lab bench ast: ${line}\n`),
      };
      const levels = parseLevels(flags.levels).map(({ sparsity }) => String(sparsity));
      const rates = flags.rates.split(',').map(positiveNumber);
      const options = { ...flags, levels, rates, vary };
      const result = await runAstBench(options, hooks).finally(() => progress.done());
      process.stdout.write(`${json ? snakeJson(result, 2) : formatAstBench(result)}\n`);
    });
}

/** `ebb lab`: stressors, load and benchmarks. */
export function command(): Command {
  const bench = new Command('bench')
    .description('measure one thing against another in one run')
    .addCommand(swapCommand())
    .addCommand(costCommand())
    .addCommand(astCommand());
  return new Command('lab').addCommand(bench);
}
