import { Command } from 'commander';
import { loadProfile } from '../../../agent/profile/load-profile.ts';
import { interruptSignal } from '../../../terminal/interrupt.ts';
import { positiveInteger } from '../../../terminal/number-option.ts';
import { createProgress } from '../../../terminal/progress.ts';
import { snakeJson } from '../../../terminal/snake-json.ts';
import { formatOverheadBench } from './format-overhead-bench.ts';
import { runOverheadBench } from './overhead-bench.ts';

type OverheadFlags = { profile: string; rounds: number; requests: number; json?: boolean };

/** `ebb lab bench overhead`. */
export function overheadCommand(): Command {
  return new Command('overhead')
    .description(
      'what an agent takes beyond its engine: as a library, over HTTP with binary tensors and with JSON',
    )
    .argument('<bundle>', 'folder of the bundle')
    .option('--profile <name>', "the agent's profile: a name or a YAML file", 'x86')
    .option('--rounds <n>', 'turns of each way', positiveInteger, 40)
    .option('--requests <n>', 'requests of a turn', positiveInteger, 100)
    .option('--json', 'print the result as JSON')
    .action(async (bundle: string, { profile, rounds, requests, json }: OverheadFlags) => {
      const progress = createProgress();
      const result = await runOverheadBench({
        bundle,
        profile: await loadProfile(profile),
        rounds,
        requests,
        signal: interruptSignal(),
        onProgress: (text) => progress.update(text),
      }).finally(() => progress.done());
      process.stdout.write(`${json ? snakeJson(result, 2) : formatOverheadBench(result)}\n`);
    });
}
