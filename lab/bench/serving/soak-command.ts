import { Command } from 'commander';
import { loadProfile } from '../../../agent/profile/load-profile.ts';
import { interruptSignal } from '../../../terminal/interrupt.ts';
import { positiveInteger, positiveNumber, wholeNumber } from '../../../terminal/number-option.ts';
import { createProgress } from '../../../terminal/progress.ts';
import { snakeJson } from '../../../terminal/snake-json.ts';
import { formatSoakBench } from './format-soak-bench.ts';
import { runSoakBench } from './soak-bench.ts';

type SoakFlags = {
  profile: string;
  seconds: number;
  warmUp: number;
  http: number;
  library: number;
  deadlineMs: number;
  json?: boolean;
};

/** `ebb lab bench soak`. */
export function soakCommand(): Command {
  return new Command('soak')
    .description('an agent under more requests than it can answer: its memory, its event loop, its answers')
    .argument('<bundle>', 'folder of the bundle')
    .option('--profile <name>', "the agent's profile: a name or a YAML file", 'x86')
    .option('--seconds <n>', 'how long', positiveInteger, 300)
    .option(
      '--warm-up <s>',
      'seconds of the load before anything but its answers is counted',
      wholeNumber(0),
      5,
    )
    .option('--http <n>', 'requests in flight over HTTP, from another process', positiveInteger, 64)
    .option(
      '--library <n>',
      "requests in flight by the library, from the agent's process",
      positiveInteger,
      32,
    )
    .option('--deadline-ms <n>', 'deadline of a request', positiveNumber, 10)
    .option('--json', 'print the result as JSON')
    .action(async (bundle: string, flags: SoakFlags) => {
      const { profile, seconds, warmUp, http, library, deadlineMs, json } = flags;
      const progress = createProgress();
      const result = await runSoakBench({
        bundle,
        profile: { ...(await loadProfile(profile)), deadlineMs },
        seconds,
        warmUpSeconds: warmUp,
        inFlight: { http, library },
        root: '/',
        signal: interruptSignal(),
        onProgress: (text) => progress.update(text),
      }).finally(() => progress.done());
      process.stdout.write(`${json ? snakeJson(result, 2) : formatSoakBench(result)}\n`);
    });
}
