import { Command } from 'commander';
import { formatTable } from '../terminal/table.ts';
import { describeUnclear } from './level-accuracy.ts';
import type { Manifest } from './manifest.ts';
import { describeSamples, preprocessingFormula } from './preprocess.ts';
import { publicKeyOption } from './public-key-option.ts';
import { readBundle } from './read-bundle.ts';

const percent = (share: number) => `${(100 * share).toFixed(2)}%`;
const count = (value: number) => value.toLocaleString('en-US');

/** One line for each number that a client needs to make an input. */
function describeInput(manifest: Manifest): string[] {
  const { name, layout, shape, dtype, preprocessing } = manifest.input;
  const { scale, mean, std } = preprocessing;
  const list = (values: readonly number[]) => values.map((value) => Number(value.toPrecision(6))).join(', ');
  return [
    `input   ${name} ${layout} [${shape.join(', ')}] ${dtype}, of ${describeSamples(manifest)}`,
    `        ${preprocessingFormula}: scale ${Number(scale.toPrecision(6))}, mean ${list(mean)}, std ${list(std)}`,
  ];
}

/** The class names, as many as fit. */
function describeLabels(labels: readonly string[]): string {
  const most = 20;
  const rest = labels.length - most;
  return `classes ${labels.slice(0, most).join(', ')}${rest > 0 ? ` and ${rest} more (--json)` : ''}`;
}

function describeOrigin({ training }: Manifest): string {
  if (training === undefined) return 'made elsewhere';
  const { method, net, data, granularity, epochs, iterations, batch, seed, seconds, correction } = training;
  return `${net} on ${data}: ${method}, correction ${correction ? 'on' : 'off'}, ${granularity} masks, ${epochs} epochs (${iterations} iterations of ${batch}), seed ${seed}, ${Math.round(seconds)} s`;
}

/**
 * The manifest as people read it: what the bundle is, and one row for each level.
 *
 * @param added index of a level to mark as new.
 */
export function formatManifest(manifest: Manifest, added?: number): string {
  const { levels, labels } = manifest;
  const densest = levels[0].macs;
  const unclear = describeUnclear(levels.map(({ accuracy }) => accuracy));
  const origins = levels.some(({ derived }) => derived);
  const table = formatTable(
    [
      { head: 'level', align: 'right' },
      { head: 'sparsity', align: 'right' },
      { head: 'nonzeros', align: 'right' },
      { head: 'MACs', align: 'right' },
      { head: 'MACs of level 0', align: 'right' },
      { head: 'bytes', align: 'right' },
      { head: 'accuracy', align: 'right' },
      { head: 'measured on' },
      ...(origins ? [{ head: 'made by' }] : []),
    ],
    levels.map((level, index) => [
      String(index),
      percent(level.sparsity),
      count(level.nonzeros),
      count(level.macs),
      percent(densest > 0 ? level.macs / densest : 0),
      count(level.bytes),
      level.accuracy ? percent(level.accuracy.value) : 'unknown',
      level.accuracy ? `${level.accuracy.count} of ${level.accuracy.data}, ${level.accuracy.split}` : '',
      ...(origins ? [`${level.derived ? 'rank' : 'training'}${index === added ? ', new' : ''}`] : []),
    ]),
  );
  return [
    `${manifest.name}: ${manifest.task}, ${manifest.labels.length} classes, ${levels.length} levels${manifest.nested ? ', nested' : ''}`,
    ...describeInput(manifest),
    describeLabels(labels),
    `trained ${describeOrigin(manifest)}`,
    '',
    table,
    ...(unclear === undefined ? [] : ['', `note: ${unclear}`]),
  ].join('\n');
}

export function command(): Command {
  return new Command('inspect')
    .argument('<bundle>', 'folder of the bundle')
    .addOption(publicKeyOption())
    .option('--json', 'print the manifest as JSON')
    .addHelpText(
      'after',
      '\nEvery file is verified against the manifest: size, sha256, and that there is no other.',
    )
    .action(async (dir: string, options: { publicKey?: string; json?: boolean }) => {
      const { manifest } = await readBundle(dir, { publicKey: options.publicKey });
      process.stdout.write(
        `${options.json ? JSON.stringify(manifest, null, 2) : formatManifest(manifest)}\n`,
      );
    });
}
