import { Command, Option } from 'commander';
import { publicKeyOption } from '../../bundle/public-key-option.ts';
import { positiveInteger } from '../../terminal/number-option.ts';
import { snakeJson } from '../../terminal/snake-json.ts';
import { formatSwapBench, runSwapBench } from './swap-bench.ts';

type SwapFlags = {
  through: 'engine' | 'http';
  requests: number;
  inFlight: number;
  swapEvery: number;
  rounds: number;
  publicKey?: string;
  json?: boolean;
};

/** `ebb lab bench swap`. */
export function swapCommand(): Command {
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
    .addOption(publicKeyOption())
    .option('--json', 'print the result as JSON')
    .action(async (bundle: string, flags: SwapFlags) => {
      const { through, requests, inFlight, swapEvery, rounds } = flags;
      const result = await runSwapBench({
        bundle,
        publicKey: flags.publicKey,
        through,
        requests,
        inFlight,
        swapEveryMs: swapEvery,
        rounds,
      });
      process.stdout.write(`${flags.json ? snakeJson(result) : formatSwapBench(result)}\n`);
    });
}
