import { Command, Option } from 'commander';
import { interruptSignal } from '../terminal/interrupt.ts';
import { createProgress } from '../terminal/progress.ts';
import { formatTable } from '../terminal/table.ts';
import { UsageError } from '../terminal/usage-error.ts';
import { type Granularity, granularities } from './ast/latent-net.ts';
import { type BackendChoice, backendChoices } from './backend/open-backend.ts';
import { dataSpecs } from './data/open-data.ts';
import { nets } from './net/nets.ts';
import { type RunSummary, runTraining } from './run-training.ts';

type Flags = {
  data: string;
  net: string;
  width: string;
  levels: string;
  epochs: string;
  out: string;
  correction: 'on' | 'off';
  granularity: Granularity;
  backend: BackendChoice;
  seed: string;
  batch: string;
  lr?: string;
  name?: string;
  json?: boolean;
};

export function command(): Command {
  return new Command('train')
    .requiredOption('--data <spec>', dataSpecs)
    .addOption(new Option('--net <name>', 'net to train').choices(Object.keys(nets)).default('resnet8'))
    .option('--width <factor>', 'factor on the number of channels of every layer', '1')
    .requiredOption('--levels <list>', 'sparsity of each level, densest first, e.g. 0,0.8,0.9')
    .requiredOption('--epochs <number>', 'passes over the training images, all levels together')
    .requiredOption('--out <dir>', 'folder of the run: bundle/, metrics.jsonl, curve.svg, run.json')
    .addOption(
      new Option('--method <name>', 'ast: alternating sparse training').choices(['ast']).default('ast'),
    )
    .addOption(
      new Option('--correction <switch>', 'gradient correction between the levels of a group')
        .choices(['on', 'off'])
        .default('on'),
    )
    .addOption(
      new Option('--granularity <name>', 'what masks prune: single weights, or whole channels')
        .choices(granularities)
        .default('element'),
    )
    .addOption(
      new Option('--distribution <name>', 'global: all layers are ranked together')
        .choices(['global'])
        .default('global'),
    )
    .addOption(
      new Option('--backend <name>', 'what computes: tfjs-node, or WebAssembly')
        .choices(backendChoices)
        .default('auto'),
    )
    .option('--seed <number>', 'seed of the weights and of the order of the images', '1')
    .option('--batch <number>', 'images in a step', '64')
    .option('--lr <number>', 'peak of the learning rate (default: 0.1 for one level, 0.2 for more)')
    .option('--name <name>', "name of the bundle (default: the data's and the net's)")
    .option('--json', 'print the summary as JSON')
    .addHelpText(
      'after',
      `
Examples:
  ebb train --data shapes --levels 0,0.8,0.9 --epochs 2 --out runs/shapes
  ebb train --data idx:data/fashion-mnist --levels 0,0.5,0.75 --granularity channel --epochs 5 --out runs/fashion`,
    )
    .action(runCommand);
}

async function runCommand(flags: Flags): Promise<void> {
  const name = flags.name;
  if (name !== undefined && !/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(name))
    throw new UsageError(
      `Cannot use --name as it must be 1 to 64 letters, digits, ".", "_" or "-": current value is "${name}"`,
    );
  const options = {
    data: flags.data,
    net: flags.net,
    width: parseNumber(
      '--width',
      flags.width,
      'a number from 0.25 to 8',
      (value) => value >= 0.25 && value <= 8,
    ),
    sparsities: parseLevels(flags.levels),
    epochs: parseNumber('--epochs', flags.epochs, 'a number above 0', (value) => value > 0),
    batch: parseNumber('--batch', flags.batch, 'a whole number from 2 to 4096', (value) => {
      return Number.isInteger(value) && value >= 2 && value <= 4096;
    }),
    seed: parseNumber('--seed', flags.seed, 'a whole number from 0 to 2147483647', (value) => {
      return Number.isInteger(value) && value >= 0 && value < 2 ** 31;
    }),
    learningRate:
      flags.lr === undefined
        ? undefined
        : parseNumber('--lr', flags.lr, 'a number above 0, at most 10', (value) => value > 0 && value <= 10),
    granularity: flags.granularity,
    correction: flags.correction === 'on',
    backend: flags.backend,
    out: flags.out,
    name,
  };
  const progress = createProgress();
  const hooks = {
    signal: interruptSignal(),
    onProgress: (line: string) => progress.update(line),
    onNote: (line: string) => process.stderr.write(`ebb train: ${line}\n`),
  };
  const summary = await runTraining(options, hooks).finally(() => progress.done());
  process.stdout.write(`${flags.json ? JSON.stringify(summary, null, 2) : formatSummary(summary)}\n`);
}

/** @throws UsageError where the list is not ascending sparsities in [0, 1). */
export function parseLevels(text: string): number[] {
  const levels = text.split(',').map((part) => (part.trim() === '' ? Number.NaN : Number(part)));
  const wrong = levels.some((value, i) => !(value >= 0 && value < 1) || value <= levels[i - 1]);
  if (wrong)
    throw new UsageError(
      `Cannot use --levels as it must be ascending sparsities from 0 to below 1, e.g. 0,0.8,0.9: current value is "${text}"`,
    );
  return levels;
}

function parseNumber(
  flag: string,
  text: string,
  requirement: string,
  fits: (value: number) => boolean,
): number {
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (!Number.isFinite(value) || !fits(value))
    throw new UsageError(`Cannot use ${flag} as it must be ${requirement}: current value is "${text}"`);
  return value;
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
  const conflicts = correction.conflicting_tensors.toLocaleString('en-US');
  return [
    table,
    '',
    `cost        ${cost.seconds.toFixed(1)} s, ${cost.iterations} iterations, ${Math.round(cost.images_per_second)} images/s, peak memory ${(cost.peak_rss_bytes / 1e6).toFixed(0)} MB`,
    `correction  ${summary.options.correction ? `${conflicts} tensors in conflict, in ${correction.iterations_with_conflicts} iterations` : 'off'}`,
    `run         ${summary.out}`,
  ].join('\n');
}
