import { once } from 'node:events';
import { cpus } from 'node:os';
import { Command } from 'commander';
import { publicKeyOption } from '../../bundle/public-key-option.ts';
import { interruptSignal } from '../../terminal/interrupt.ts';
import { positiveInteger, positiveNumber } from '../../terminal/number-option.ts';
import { snakeJson } from '../../terminal/snake-json.ts';
import { describeFailures, formatPhaseTable } from '../track/phase-table.ts';
import type { DemoResult } from './demo.ts';

function verdict({ rows, deadlineMs }: DemoResult): string {
  const stressed = (policy: string) => rows.find((row) => row.policy === policy && row.phase === 'stress');
  const share = (policy: string) => `${(100 * (stressed(policy)?.deadlineHits ?? 0)).toFixed(1)}%`;
  return `Under stress ebb met ${share('adaptive')} of its ${deadlineMs} ms deadlines by changing level; fixed at level 0 it met ${share('fixed')}.`;
}

type Flags = {
  out: string;
  bundle?: string;
  publicKey?: string;
  data: string;
  levels: string;
  epochs: number;
  phaseSeconds: number;
  rate: number;
  batch: number;
  stress: number;
  slack: number;
  stay?: boolean;
  json?: boolean;
};

export function command(): Command {
  return new Command('demo')
    .option('--out <dir>', 'run folder', `runs/demo-${new Date().toISOString().replace(/[:.]/g, '-')}`)
    .option('--bundle <dir>', 'serve this bundle instead of training one')
    .addOption(publicKeyOption())
    .option('--data <spec>', 'data to train on and to send', 'shapes')
    .option('--levels <list>', 'sparsities of the sub-nets', '0,0.8,0.95')
    .option('--epochs <n>', 'epochs of training', positiveNumber, 2)
    .option('--phase-seconds <s>', 'length of each of the six phases', positiveNumber, 12)
    .option('--rate <n>', 'requests a second', positiveNumber, 10)
    .option('--batch <n>', 'images in a request', positiveInteger, 64)
    .option('--stress <n>', 'processes that load the CPU under stress', positiveInteger, 2 * cpus().length)
    .option('--slack <x>', "deadline over level 0's calibrated median", positiveNumber, 3)
    .option('--stay', 'keep agent, broker and monitor up until Ctrl-C')
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      '\nTrains on drawn shapes, serves the bundle, loads the CPU and lets go again: once adaptive, once fixed at level 0.',
    )
    .action(async (flags: Flags) => {
      const signal = interruptSignal();
      const startMs = performance.now();
      const say = (line: string) => {
        const seconds = String(Math.round((performance.now() - startMs) / 1000)).padStart(4);
        process.stderr.write(`${seconds} s  ${line}\n`);
      };
      const { runDemo } = await import('./demo.ts');
      const stage = await runDemo({
        out: flags.out,
        ...(flags.bundle === undefined ? {} : { bundle: flags.bundle }),
        ...(flags.publicKey === undefined ? {} : { publicKey: flags.publicKey }),
        data: flags.data,
        levels: flags.levels,
        epochs: flags.epochs,
        phaseS: flags.phaseSeconds,
        requestsPerS: flags.rate,
        batch: flags.batch,
        stressProcesses: flags.stress,
        slack: flags.slack,
        say,
        signal,
      });
      try {
        const { result } = stage;
        if (flags.json)
          process.stdout.write(
            `${snakeJson({ deadlineMs: result.deadlineMs, phases: result.rows, picture: result.picture })}\n`,
          );
        else {
          const failures = describeFailures(result.rows);
          process.stdout.write(
            `\n${formatPhaseTable(result.rows)}\n\n${failures === undefined ? '' : `${failures}\n`}${verdict(result)}\nEvery request over time: ${result.picture}\n`,
          );
        }
        if (flags.stay) {
          say(`agent ${stage.agentUrl}, monitor ${stage.monitorUrl}/api/devices: Ctrl-C ends them`);
          if (!signal.aborted) await once(signal, 'abort');
        }
      } finally {
        await stage.stop();
      }
    });
}
