import { Command } from 'commander';
import { positiveInteger } from '../terminal/number-option.ts';
import { formatSwapBench, runSwapBench } from './bench/swap-bench.ts';

type SwapFlags = { requests: number; inFlight: number; swapEvery: number; rounds: number; json?: boolean };

function swapCommand(): Command {
  return new Command('swap')
    .description('what a change of level costs the requests in flight')
    .argument('<bundle>', 'folder of the bundle')
    .option('--requests <n>', 'requests sent while swapping', positiveInteger, 20_000)
    .option('--in-flight <n>', 'requests in flight', positiveInteger, 8)
    .option('--swap-every <ms>', 'time between two swaps', positiveInteger, 20)
    .option('--rounds <n>', 'rounds, each beside one without swaps', positiveInteger, 5)
    .option('--json', 'print the result as JSON')
    .action(async (bundle: string, flags: SwapFlags) => {
      const { requests, inFlight, swapEvery, rounds } = flags;
      const result = await runSwapBench({ bundle, requests, inFlight, swapEveryMs: swapEvery, rounds });
      process.stdout.write(`${flags.json ? JSON.stringify(result) : formatSwapBench(result)}\n`);
    });
}

export function command(): Command {
  const bench = new Command('bench')
    .description('measure one thing against another in one run')
    .addCommand(swapCommand());
  return new Command('lab').addCommand(bench);
}
