import { Command, InvalidArgumentError, Option } from 'commander';
import { formatManifest } from '../bundle/inspect-command.ts';
import { publicKeyOption } from '../bundle/public-key-option.ts';
import { readBundle } from '../bundle/read-bundle.ts';
import { signCommand } from '../bundle/sign-command.ts';
import { replaceBundle, writeBundle } from '../bundle/write-bundle.ts';
import { interruptSignal } from '../terminal/interrupt.ts';
import { wholeNumber } from '../terminal/number-option.ts';
import { requireEmptyFolder } from '../terminal/output-path.ts';
import { createProgress } from '../terminal/progress.ts';
import { snakeJson } from '../terminal/snake-json.ts';
import { type BackendChoice, backendChoices, chooseBackend } from './backend/open-backend.ts';
import { dataSpecs, openData } from './data/open-data.ts';
import { checkFit } from './eval-command.ts';
import { type AddedLevel, addLevel } from './export/add-level.ts';
import type { NormSource } from './export/norm-choices.ts';

type BetweenFlags = {
  sparsity: number;
  data: string;
  out?: string;
  seed?: number;
  backend: BackendChoice;
  publicKey?: string;
  json?: boolean;
};

function share(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && value > 0 && value < 1) return value;
  throw new InvalidArgumentError('It must be a number between 0 and 1.');
}

function betweenCommand(): Command {
  return new Command('between')
    .description('add a level of any sparsity between two others, by rank of magnitude and without training')
    .argument('<bundle>', 'folder of the bundle')
    .requiredOption('--sparsity <share>', 'sparsity of the new level, between two that the bundle has', share)
    .requiredOption('--data <spec>', `data that the bundle was trained on: ${dataSpecs}`)
    .option('--out <dir>', 'folder of the new bundle (default: it takes the place of the old one)')
    .option('--seed <number>', "which training samples are drawn (default: the training's)", wholeNumber(0))
    .addOption(
      new Option('--backend <name>', 'what computes: tfjs-node, or WebAssembly')
        .choices(backendChoices)
        .default('auto'),
    )
    .addOption(publicKeyOption())
    .option('--json', 'print the new level and all levels as JSON')
    .addHelpText(
      'after',
      `
Weights keep their bits, and the levels stay nested. Norm statistics are taken anew from training samples, and
the accuracy is counted on the test split. Granularity nm is refused: its levels are patterns.

Examples:
  ebb bundle between runs/shapes/bundle --sparsity 0.85 --data shapes
  ebb bundle between runs/fashion/bundle --sparsity 0.6 --data idx:data/fashion-mnist --out bundles/fashion-4`,
    )
    .action(between);
}

async function between(path: string, flags: BetweenFlags): Promise<void> {
  const { sparsity, out, json } = flags;
  const signal = interruptSignal();
  const bundle = await readBundle(path, { publicKey: flags.publicKey });
  const { dir } = bundle;
  if (out !== undefined) await requireEmptyFolder('--out', out);
  const data = await openData(flags.data, {
    signal,
    onNote: (line) => process.stderr.write(`ebb bundle between: ${line}\n`),
  });
  checkFit(dir, bundle.manifest, data, 'add a level to');
  const backend = chooseBackend(flags.backend);
  if (backend.note !== undefined) process.stderr.write(`ebb bundle between: ${backend.note}\n`);
  const progress = createProgress();
  const added = await addLevel(bundle, data, {
    sparsity,
    seed: flags.seed ?? bundle.manifest.training?.seed ?? 1,
    backend: backend.name,
    signal,
    onProgress: (line) => progress.update(line),
  }).finally(() => progress.done());
  const { levels } = added.bundle;
  const manifest =
    out === undefined ? await replaceBundle(bundle, added.bundle) : await writeBundle(out, added.bundle);
  const { level, chosen, trials } = added;
  const summary = { bundle: out ?? dir, level, norms: { chosen, trials }, levels: manifest.levels };
  process.stdout.write(
    json
      ? `${snakeJson(summary, 2)}\n`
      : `${formatManifest(manifest, level)}\n\n${describeNorms(added)}\nbundle  ${out ?? dir}, ${levels.length} levels\n`,
  );
}

const sourceNames: Record<NormSource, string> = {
  interpolated: 'between both neighbours',
  denser: 'of the denser neighbour',
  sparser: 'of the sparser neighbour',
};

/** One line: whose scales and biases the level has, and how each choice did. */
function describeNorms({ chosen, trials }: AddedLevel): string {
  const figures = trials.map(({ source, correct }) => `${correct} ${source}`).join(', ');
  return `norms   ${sourceNames[chosen]}; right answers on ${trials[0].count} held-out training samples: ${figures}`;
}

/** `ebb bundle`: what is done to bundles after training. */
export function command(): Command {
  return new Command('bundle').addCommand(betweenCommand()).addCommand(signCommand());
}
