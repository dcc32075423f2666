import { Command, Option } from 'commander';
import { loadProfile } from '../../agent/profile/load-profile.ts';
import { applyFlags } from '../../agent/profile-options.ts';
import { writeFileAtomic } from '../../bundle/write-file-atomic.ts';
import { breathe, interruptSignal } from '../../terminal/interrupt.ts';
import { positiveInteger, positiveNumber, wholeNumber } from '../../terminal/number-option.ts';
import { requireOutputFile } from '../../terminal/output-path.ts';
import { createProgress } from '../../terminal/progress.ts';
import { snakeJson } from '../../terminal/snake-json.ts';
import { UsageError } from '../../terminal/usage-error.ts';
import { drawBatteryScenarios, runBatteryScenario } from './battery-scenarios.ts';
import { compare, createPolicy, type PolicyName, policyNames } from './compare.ts';
import { demoDevice } from './device.ts';
import { drawTraces, traceFamilies } from './draw-traces.ts';
import { formatBattery, formatComparison } from './format-comparison.ts';
import { runOracle } from './oracle.ts';
import { readTrace } from './read-trace.ts';
import { recordTrace } from './record-trace.ts';
import { readShippedTraces } from './shipped-traces.ts';
import { simulate } from './simulate.ts';
import type { Trace } from './trace.ts';
import { writeTracePage } from './trace-page.ts';
import { drawWorkload } from './workload.ts';

type SimulateFlags = {
  compare?: boolean;
  trace?: string;
  policy: PolicyName;
  out?: string;
  profile: string;
  deadlineMs?: number;
  traces: number;
  seconds: number;
  batteries: number;
  seed: number;
  json?: boolean;
};

const examples = `
Traces: a JSON or CSV file, or a drawn one by its name: ${traceFamilies.map((family) => `${family}-1`).join(', ')}, ...

Examples:
  ebb lab simulate --compare
  ebb lab simulate --compare --traces 50 --seed 7 --deadline-ms 30 --json
  ebb lab simulate --trace neighbours-3 --out neighbours.html
  ebb lab simulate --trace mine.csv --policy thresholds`;

/** A file where it looks like one, else one that is recorded or drawn. */
async function findTrace(name: string, { seed, seconds }: SimulateFlags): Promise<Trace> {
  if (/[/\\.]/.test(name)) return readTrace(name);
  const shipped = (await readShippedTraces()).find((trace) => trace.name === name);
  if (shipped) return shipped;
  const [, family = '', number = ''] = /^([a-z]+)-(\d{1,4})$/.exec(name) ?? [];
  const place = traceFamilies.indexOf(family);
  if (place < 0 || Number(number) < 1)
    throw new UsageError(
      `Cannot find trace "${name}" as it must be a file, a recorded trace or a drawn one such as ${traceFamilies[0]}-1: families are ${traceFamilies.join(', ')}`,
    );
  const count = Number(number) * traceFamilies.length;
  return drawTraces({ count, seed, durationS: seconds })[count - traceFamilies.length + place];
}

async function runOne(name: string, flags: SimulateFlags): Promise<void> {
  const signal = interruptSignal();
  if (flags.out !== undefined) await requireOutputFile('--out', flags.out);
  const profile = applyFlags(
    await loadProfile(flags.profile),
    flags.deadlineMs === undefined ? {} : { deadlineMs: flags.deadlineMs },
  );
  const { deadlineMs, intervalMs } = profile;
  const trace = await findTrace(name, flags);
  const device = demoDevice;
  const workload = drawWorkload(trace, device, flags.seed);
  const policy = createPolicy(flags.policy, { device, profile });
  const common = { trace, workload, device, deadlineMs };
  await breathe(signal);
  const result = simulate({ ...common, policy, intervalMs, keepAnswers: true });
  await breathe(signal);
  const oracle = runOracle(common);
  if (flags.out !== undefined)
    await writeFileAtomic(flags.out, writeTracePage({ trace, result, policy: flags.policy, deadlineMs }));
  const { answers: _, ...told } = result;
  if (flags.json) {
    process.stdout.write(
      `${snakeJson({ trace: trace.name, policy: flags.policy, deadlineMs, ...told, oracle })}\n`,
    );
    return;
  }
  const percent = (share: number) => `${(100 * share).toFixed(2)}%`;
  const swaps = result.swaps.map(
    ({ atMs, from, to, reason }) =>
      `${(atMs / 1000).toFixed(1).padStart(7)} s  level ${from} -> ${to}: ${reason}\n`,
  );
  process.stdout.write(
    `${swaps.join('')}${trace.name}: ${result.hits} of ${result.requests} requests in time (oracle ${oracle.hits}), accuracy ${percent(result.accuracy)} (oracle ${percent(oracle.accuracy)}), ${result.swaps.length} swaps, ${result.relieved} relieved${flags.out === undefined ? '' : `; page: ${flags.out}`}\n`,
  );
}

async function runAll(flags: SimulateFlags): Promise<void> {
  const signal = interruptSignal();
  const profile = applyFlags(
    await loadProfile(flags.profile),
    flags.deadlineMs === undefined ? {} : { deadlineMs: flags.deadlineMs },
  );
  const { seed, seconds } = flags;
  const drawn = drawTraces({ count: flags.traces, seed, durationS: seconds });
  const traces = [...drawn, ...(await readShippedTraces())];
  const progress = createProgress();
  const onTrace = (done: number) => progress.update(`${done} of ${traces.length} traces`);
  const comparison = await compare({ traces, device: demoDevice, profile, seed, onTrace, signal });
  const lastForMs = 2 * 3_600_000;
  const scenarios = drawBatteryScenarios({ count: flags.batteries, seed, device: demoDevice, lastForMs });
  const batteries: ReturnType<typeof runBatteryScenario>[] = [];
  for (const scenario of scenarios) {
    await breathe(signal);
    progress.update(`${batteries.length} of ${scenarios.length} batteries`);
    batteries.push(runBatteryScenario(scenario, profile));
  }
  progress.done();
  if (flags.json) {
    process.stdout.write(
      `${snakeJson({ seed, deadlineMs: profile.deadlineMs, ...comparison, batteries }, 2)}\n`,
    );
    return;
  }
  const battery = batteries.length > 0 ? `\n\n${formatBattery(batteries)}` : '';
  process.stdout.write(`${formatComparison(comparison)}${battery}\n`);
}

/** `ebb lab simulate`. */
export function simulateCommand(): Command {
  return new Command('simulate')
    .description("the agent's own decisions on a simulated device, far faster than real time")
    .option('--compare', 'all policies and an oracle over drawn and recorded traces')
    .option('--trace <trace>', 'one trace: a file, or the name of a drawn or recorded one')
    .addOption(
      new Option('--policy <name>', 'what decides on the one trace').choices(policyNames).default('ebb'),
    )
    .option('--out <file>', 'page of the one trace: level, slowdown and latency over time')
    .option('--profile <name>', 'profile that decisions follow: a name or a YAML file', 'x86')
    .option('--deadline-ms <n>', 'deadline of a request', positiveNumber)
    .option('--traces <n>', 'traces to draw', positiveInteger, 200)
    .option('--seconds <n>', 'length of a drawn trace', positiveNumber, 60)
    .option('--batteries <n>', 'batteries that shall last two hours each', wholeNumber(0), 12)
    .option('--seed <n>', 'the same seed gives the same result', wholeNumber(0), 1)
    .option('--json', 'print the result as JSON')
    .addHelpText('after', examples)
    .action(async (flags: SimulateFlags) => {
      if ((flags.trace === undefined) === (flags.compare !== true))
        throw new UsageError('Cannot simulate as there must be either --compare or --trace: choose one');
      if (flags.trace !== undefined) await runOne(flags.trace, flags);
      else await runAll(flags);
    });
}

/** `ebb lab record`. */
export function recordCommand(): Command {
  return new Command('record')
    .description('record how slow this machine is over time, as a trace for "ebb lab simulate"')
    .requiredOption('--out <file>', 'JSON file to write')
    .option('--name <name>', "the trace's name", 'recorded')
    .option('--source <words>', 'where it comes from, in words', 'recorded with ebb lab record')
    .option('--seconds <n>', 'how long', positiveNumber, 60)
    .option('--every-ms <n>', 'time between two samples, each of 10 ms of work', positiveNumber, 100)
    .action(
      async (flags: { out: string; name: string; source: string; seconds: number; everyMs: number }) => {
        const { out, ...rest } = flags;
        const signal = interruptSignal();
        await requireOutputFile('--out', out);
        const trace = await recordTrace({ ...rest, monotonicMs: () => performance.now(), signal });
        await writeFileAtomic(out, `${JSON.stringify(trace)}\n`);
        process.stdout.write(`${out}: ${flags.seconds} s\n`);
      },
    );
}
