import { Command, Option } from 'commander';
import { z } from 'zod';
import { describeUnclear } from '../bundle/level-accuracy.ts';
import { interruptSignal } from '../terminal/interrupt.ts';
import { positiveNumber } from '../terminal/number-option.ts';
import { createProgress } from '../terminal/progress.ts';
import { formatTable } from '../terminal/table.ts';
import { UsageError } from '../terminal/usage-error.ts';
import { distributions } from './ast/masks/distribution.ts';
import { granularities } from './ast/masks/mask-scheme.ts';
import { orders } from './ast/schedule.ts';
import { backendChoices } from './backend/open-backend.ts';
import { dataSpecs } from './data/open-data.ts';
import { nets } from './net/nets.ts';
import type { RunSummary } from './run/run-summary.ts';
import { runTraining } from './run/run-training.ts';
import { completeSettings, type NewSettings, type Settings } from './settings.ts';
import { methods } from './train.ts';

/** What every flag of a setting does; the keys are those of `Settings`, with "-" for "_". */
function settingOptions(): Option[] {
  return [
    new Option('--data <spec>', dataSpecs),
    new Option('--net <name>', 'net to train (default: resnet8)').choices(Object.keys(nets)),
    new Option('--width <factor>', 'factor on the channels of every hidden layer (default: 1)'),
    new Option(
      '--levels <list>',
      'sparsity of each level, densest first, e.g. 0,0.8,0.9; patterns with --granularity nm, e.g. 0,2:4,1:4',
    ),
    new Option(
      '--method <name>',
      'ast: a step trains one level; joint: all; single: one level alone (default: ast)',
    ).choices(methods),
    new Option('--epochs <number>', 'passes over the training samples, all levels together'),
    new Option('--batch <number>', 'samples in a step (default: 64)'),
    new Option(
      '--lr <number>',
      'peak of the learning rate (default: 0.2 for several levels in turn, else 0.1)',
    ),
    new Option('--weight-decay <number>', 'decay of the shared weights (default: 0.0005)'),
    new Option(
      '--granularity <name>',
      'what a mask prunes: single weights, blocks of 4 output channels, N of every M weights, whole channels (default: element)',
    ).choices(granularities),
    new Option(
      '--distribution <name>',
      'how layers share a budget; macs: it counts multiply-accumulates (default: global; uniform with nm)',
    ).choices(distributions),
    new Option(
      '--correction <switch>',
      'gradient correction between the levels of a group (default: on)',
    ).choices(['on', 'off']),
    new Option('--order <name>', 'level that a group begins with (default: densest-first)').choices(orders),
    new Option(
      '--norm-rate <factor>',
      "factor on the learning rate of each level's own scales and biases (default: 1)",
    ),
    new Option('--updates <number>', 'mask updates up to the end of the ramp (default: 40)'),
    new Option(
      '--ramp-end <share>',
      'share of training at which the target sparsity is reached (default: 0.7)',
    ),
    new Option('--frozen-from <share>', 'share of training from which no mask changes (default: 0.75)'),
    new Option(
      '--update-offset <steps>',
      "steps between one level's mask update and the next level's (default: 0)",
    ),
    new Option('--drop-fraction <share>', 'first share of drop-and-grow; 0 is off (default: 0)'),
    new Option(
      '--validation <share>',
      'share of the training samples held out for curves and choices (default: 0.05)',
    ),
    new Option('--seed <number>', 'seed of weights, splits and the order of the samples (default: 1)'),
    new Option('--backend <name>', 'what computes: tfjs-node, or WebAssembly (default: auto)').choices(
      backendChoices,
    ),
  ];
}

type Flags = {
  out: string;
  resume?: boolean;
  checkpointEvery: number;
  name?: string;
  json?: boolean;
} & Record<string, unknown>;

export function command(): Command {
  const train = new Command('train');
  for (const option of settingOptions()) train.addOption(option);
  return train
    .requiredOption('--out <dir>', 'folder of the run: bundle/, metrics.jsonl, report.html, run.json')
    .option('--resume', 'go on with the unfinished run in --out, with its own settings')
    .option('--checkpoint-every <seconds>', 'time between two checkpoints', positiveNumber, 60)
    .option('--name <name>', "name of the bundle (default: the data's and the net's)")
    .option('--json', 'print the summary as JSON')
    .addHelpText(
      'after',
      `
Examples:
  ebb train --data shapes --levels 0,0.8,0.9 --epochs 2 --out runs/shapes
  ebb train --data idx:data/fashion-mnist --levels 0,0.5,0.75 --granularity channel --epochs 5 --out runs/fashion
  ebb train --resume --out runs/fashion`,
    )
    .action(runCommand);
}

async function runCommand(flags: Flags): Promise<void> {
  const { out, resume = false, checkpointEvery, name, json } = flags;
  if (name !== undefined && !/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(name))
    throw new UsageError(
      `Cannot use --name as it must be 1 to 64 letters, digits, ".", "_" or "-": current value is "${name}"`,
    );
  const settings = resume ? refuseSettings(flags) : parseSettings(flags);
  const progress = createProgress();
  const hooks = {
    signal: interruptSignal(),
    onProgress: (line: string) => progress.update(line),
    onNote: (line: string) => process.stderr.write(`ebb train: ${line}\n`),
  };
  const summary = await runTraining(
    { out, settings, name, checkpointSeconds: checkpointEvery },
    hooks,
  ).finally(() => progress.done());
  process.stdout.write(`${json ? JSON.stringify(summary, null, 2) : formatSummary(summary)}\n`);
}

function givenSettings(flags: Flags): { key: string; flag: string; value: string }[] {
  return settingOptions().flatMap((option) => {
    const value = flags[option.attributeName()];
    if (typeof value !== 'string') return [];
    return [{ key: option.name().replaceAll('-', '_'), flag: `--${option.name()}`, value }];
  });
}

/** @throws UsageError where a setting is given with --resume. */
function refuseSettings(flags: Flags): undefined {
  const [given] = givenSettings(flags);
  if (given)
    throw new UsageError(
      `Cannot resume with ${given.flag} as a run goes on with its own settings: leave it out, or train anew into another --out`,
    );
}

const texts = new Set(['data', 'net', 'levels', 'method', 'granularity', 'distribution', 'order', 'backend']);

/** @throws UsageError where a setting is missing or out of its range. */
function parseSettings(flags: Flags): Settings {
  const settings: Record<string, unknown> = {};
  for (const { key, value } of givenSettings(flags)) {
    if (texts.has(key)) settings[key] = value;
    else if (key === 'correction') settings[key] = value === 'on';
    else settings[key] = value.trim() === '' ? Number.NaN : Number(value);
  }
  for (const key of ['data', 'levels', 'epochs'])
    if (settings[key] === undefined)
      throw new UsageError(`Cannot train as --${key} must be given: see "ebb train --help"`);
  try {
    return completeSettings(settings as NewSettings);
  } catch (error) {
    if (!(error instanceof z.ZodError)) throw error;
    const [issue] = error.issues;
    const key = String(issue.path[0]);
    throw new UsageError(
      `Cannot use --${key.replaceAll('_', '-')} as it ${issue.message}: current value is "${flags[camel(key)] ?? settings[key]}"`,
      { cause: error },
    );
  }
}

function camel(key: string): string {
  return key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

function formatSummary(summary: RunSummary): string {
  const { cost, correction } = summary;
  const percent = (share: number) => `${(100 * share).toFixed(2)}%`;
  const table = formatTable(
    [
      { head: 'level', align: 'right' },
      { head: 'sparsity', align: 'right' },
      { head: 'nonzeros', align: 'right' },
      { head: 'MACs', align: 'right' },
      { head: 'accuracy', align: 'right' },
    ],
    summary.levels.map(({ sparsity, nonzeros, macs, accuracy }, level) => [
      String(level),
      percent(sparsity),
      nonzeros.toLocaleString('en-US'),
      macs.toLocaleString('en-US'),
      accuracy ? percent(accuracy.value) : '',
    ]),
  );
  const unclear = describeUnclear(summary.levels.map(({ accuracy }) => accuracy));
  const conflicts = correction.conflicting_tensors.toLocaleString('en-US');
  return [
    table,
    '',
    ...(unclear === undefined ? [] : [`note        ${unclear}`]),
    `cost        ${cost.seconds.toFixed(1)} s, ${cost.iterations} iterations, ${Math.round(cost.images_per_second)} images/s, peak memory ${(cost.peak_rss_bytes / 1e6).toFixed(0)} MB`,
    `correction  ${summary.settings.correction ? `${conflicts} of ${correction.compared_tensors.toLocaleString('en-US')} tensors in conflict, in ${correction.iterations_with_conflicts} iterations` : 'off'}`,
    `run         ${summary.out}`,
  ].join('\n');
}
