import { Command, InvalidArgumentError, Option } from 'commander';
import { decodeModel } from '../../../bundle/onnx/decode-model.ts';
import { publicKeyOption } from '../../../bundle/public-key-option.ts';
import { readBundle } from '../../../bundle/read-bundle.ts';
import { interruptSignal } from '../../../terminal/interrupt.ts';
import { positiveInteger } from '../../../terminal/number-option.ts';
import { createProgress } from '../../../terminal/progress.ts';
import { snakeJson } from '../../../terminal/snake-json.ts';
import { drawModels } from './draw-models.ts';
import { type EnginesBenchResult, runEnginesBench } from './engines-bench.ts';
import { formatEnginesBench } from './format-engines-bench.ts';

type Flags = {
  threads: string;
  runs: number;
  turnMs: number;
  everyBuild?: boolean;
  publicKey?: string;
  json?: boolean;
};

const threadsOf = ({ threads }: Flags) => threads.split(',').map(positiveInteger);

/** `ebb lab bench engines`. */
export function enginesCommand(): Command {
  return new Command('engines')
    .description("latency of a bundle's levels on every engine and number of threads, in turns")
    .argument('<bundle>', 'folder of the bundle')
    .option('--threads <list>', 'numbers of threads', '1,2')
    .option('--runs <n>', 'runs of each', positiveInteger, 300)
    .option('--turn-ms <n>', 'length of a turn at most; each has ten at least', positiveInteger, 200)
    .option('--every-build', 'also the native builds that this processor can run beside its best')
    .addOption(publicKeyOption())
    .option('--json', 'print the result as JSON')
    .action(async (dir: string, flags: Flags) => {
      const { models } = await readBundle(dir, { publicKey: flags.publicKey });
      const progress = createProgress();
      const result = await runEnginesBench({
        models: models.map(decodeModel),
        threads: threadsOf(flags),
        runs: flags.runs,
        turnMs: flags.turnMs,
        everyBuild: flags.everyBuild ?? false,
        signal: interruptSignal(),
        onProgress: (text) => progress.update(text),
      }).finally(() => progress.done());
      process.stdout.write(`${flags.json ? snakeJson(result, 2) : formatEnginesBench(result)}\n`);
    });
}

const drawnNets = [
  { title: 'ResNet-8, 28x28x1', net: 'resnet8', input: [28, 28, 1] as [number, number, number], width: 1 },
  { title: 'ResNet-20, 32x32x3', net: 'resnet20', input: [32, 32, 3] as [number, number, number], width: 1 },
  {
    title: 'ResNet-32 of double width, 32x32x3',
    net: 'resnet32',
    input: [32, 32, 3] as [number, number, number],
    width: 2,
  },
  { title: 'DS-CNN, 49x10x1', net: 'dscnn', input: [49, 10, 1] as [number, number, number], width: 1 },
];

function netsOption(): Option {
  const names = drawnNets.map(({ net }) => net);
  return new Option('--nets <list>', 'nets').default(names, `"${names}"`).argParser((text) => {
    const nets = text.split(',');
    const unknown = nets.find((net) => !names.includes(net));
    if (unknown !== undefined)
      throw new InvalidArgumentError(`Nets must be some of ${names.join(', ')}: current value is ${unknown}`);
    return nets;
  });
}

/** `ebb lab bench sparse`. */
export function sparseCommand(): Command {
  return new Command('sparse')
    .description('latency over sparsity on every engine, on nets with drawn weights, in turns')
    .addOption(netsOption())
    .option('--sparsities <list>', 'levels of each net, densest first', '0,0.8,0.9,0.95,0.98')
    .option('--threads <list>', 'numbers of threads', '1')
    .option('--runs <n>', 'runs of each', positiveInteger, 300)
    .option('--turn-ms <n>', 'length of a turn at most; each has ten at least', positiveInteger, 200)
    .option('--every-build', 'also the native builds that this processor can run beside its best')
    .option('--json', 'print the results as JSON')
    .action(async ({ sparsities, nets, ...flags }: Flags & { sparsities: string; nets: string[] }) => {
      const levels = sparsities.split(',').map(Number);
      const signal = interruptSignal();
      const progress = createProgress();
      const results: { net: string; result: EnginesBenchResult }[] = [];
      for (const drawn of drawnNets.filter(({ net }) => nets.includes(net))) {
        const result = await runEnginesBench({
          models: drawModels(drawn, levels),
          threads: threadsOf(flags),
          runs: flags.runs,
          turnMs: flags.turnMs,
          everyBuild: flags.everyBuild ?? false,
          signal,
          onProgress: (text) => progress.update(`${drawn.title}: ${text}`),
        }).finally(() => progress.done());
        results.push({ net: drawn.title, result });
        if (!flags.json) process.stdout.write(`${drawn.title}\n${formatEnginesBench(result)}\n\n`);
      }
      if (flags.json) process.stdout.write(`${snakeJson(results, 2)}\n`);
    });
}
