import { cpus } from 'node:os';
import { Command, Option } from 'commander';
import { publicKeyOption } from '../../../bundle/public-key-option.ts';
import { interruptSignal } from '../../../terminal/interrupt.ts';
import { positiveInteger, positiveNumber, wholeNumber } from '../../../terminal/number-option.ts';
import { snakeJson } from '../../../terminal/snake-json.ts';
import { type StressorName, stressorNames } from '../../stress/stressors.ts';
import { formatLoopBench } from './format-loop.ts';

type LoopFlags = {
  out: string;
  data: string;
  levels: string;
  epochs: number;
  batch: number;
  load: number;
  slack: number;
  deadlineMs?: number;
  stressor?: StressorName[];
  stress: number;
  calmSeconds: number;
  stressSeconds: number;
  afterSeconds: number;
  rounds: number;
  seed: number;
  publicKey?: string;
  json?: boolean;
};

const examples = `
Stressors: cpu and stream are stress-ng's; quota halves the agent's CPU time by a control group, as root; spin needs nothing.
Default: cpu, stream and quota, where this machine can.

Examples:
  ebb lab bench loop                                         trains a small bundle on drawn shapes first
  ebb lab bench loop runs/fashion/bundle --data idx:fashion-mnist --rounds 3
  ebb lab bench loop runs/shapes/bundle --stressor spin --calm-seconds 3 --stress-seconds 5 --after-seconds 5`;

/** `ebb lab bench loop`. */
export function loopCommand(): Command {
  return new Command('loop')
    .description('the closed loop on this machine under stress: adaptive against fixed')
    .argument('[bundle]', 'folder of the bundle; default: trains one')
    .option('--data <spec>', 'labelled data to send (its test split), and to train on', 'shapes')
    .option('--out <dir>', 'run folder', `runs/loop-${new Date().toISOString().replace(/[:.]/g, '-')}`)
    .option('--levels <list>', 'sparsities of the sub-nets that are trained', '0,0.8,0.95')
    .option('--epochs <n>', 'epochs of training', positiveNumber, 2)
    .option('--batch <n>', 'inputs in a request', positiveInteger, 16)
    .option('--load <x>', "requests, as a share of the densest level's capacity", positiveNumber, 0.6)
    .option('--slack <x>', "deadline over the densest level's calibrated median", positiveNumber, 5)
    .option('--deadline-ms <n>', 'deadline, in place of --slack', positiveNumber)
    .addOption(new Option('--stressor <name...>', 'what takes the CPU, one run each').choices(stressorNames))
    .option('--stress <n>', 'processes of a stressor', positiveInteger, cpus().length)
    .option('--calm-seconds <s>', 'before the stress', positiveNumber, 10)
    .option('--stress-seconds <s>', 'under stress', positiveNumber, 20)
    .option('--after-seconds <s>', 'after the stress', positiveNumber, 20)
    .option('--rounds <n>', 'rounds of each stressor', positiveInteger, 1)
    .option('--seed <n>', 'of the arrivals', wholeNumber(0), 1)
    .addOption(publicKeyOption())
    .option('--json', 'print the result as JSON')
    .addHelpText('after', examples)
    .action(async (bundle: string | undefined, flags: LoopFlags) => {
      const { stressor, stress, calmSeconds, stressSeconds, afterSeconds, deadlineMs, json, ...rest } = flags;
      const startMs = performance.now();
      const { runLoopBench } = await import('./loop-bench.ts');
      const result = await runLoopBench({
        ...rest,
        ...(bundle === undefined ? {} : { bundle }),
        ...(deadlineMs === undefined ? {} : { deadlineMs }),
        ...(stressor === undefined ? {} : { stressors: [...new Set(stressor)] }),
        processes: stress,
        calmS: calmSeconds,
        stressS: stressSeconds,
        afterS: afterSeconds,
        say: (line) => {
          const seconds = String(Math.round((performance.now() - startMs) / 1000)).padStart(4);
          process.stderr.write(`${seconds} s  ${line}\n`);
        },
        signal: interruptSignal(),
      });
      process.stdout.write(`${json ? snakeJson(result) : formatLoopBench(result)}\n`);
    });
}
