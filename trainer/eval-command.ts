import { Command, Option } from 'commander';
import type { Manifest } from '../bundle/manifest.ts';
import { publicKeyOption } from '../bundle/public-key-option.ts';
import { readBundle } from '../bundle/read-bundle.ts';
import { type EngineName, engineNames } from '../engine/engine.ts';
import { openEngine } from '../engine/open-engine.ts';
import { interruptSignal } from '../terminal/interrupt.ts';
import { createProgress } from '../terminal/progress.ts';
import { snakeJson } from '../terminal/snake-json.ts';
import { formatTable } from '../terminal/table.ts';
import { UsageError } from '../terminal/usage-error.ts';
import type { DataSet } from './data/data-set.ts';
import { dataSpecs, openData } from './data/open-data.ts';
import { countCorrect } from './export/evaluate.ts';

type EvalOptions = {
  data: string;
  level?: string;
  engine: EngineName;
  split: 'test' | 'train';
  publicKey?: string;
  json?: boolean;
};

/** One level's figures beside the manifest's. */
export type LevelEvaluation = {
  engine: EngineName;
  level: number;
  correct: number;
  count: number;
  accuracy: number;
  /** What the manifest says of the same data and split; absent where it says nothing of them. */
  manifestCorrect?: number;
  agrees?: boolean;
};

export function command(): Command {
  return new Command('eval')
    .argument('<bundle>', 'folder of the bundle')
    .requiredOption('--data <spec>', dataSpecs)
    .option('--level <index>', 'count this level alone; 0 is the densest (default: all)')
    .addOption(
      new Option('--engine <name>', 'engine that runs the levels').choices(engineNames).default('ort'),
    )
    .addOption(
      new Option('--split <name>', 'part of the data to count').choices(['test', 'train']).default('test'),
    )
    .addOption(publicKeyOption())
    .option('--json', 'print the figures as JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  ebb eval runs/shapes/bundle --data shapes\n  ebb eval runs/fashion/bundle --data idx:data/fashion-mnist --level 2 --json',
    )
    .action(evaluate);
}

async function evaluate(dir: string, options: EvalOptions): Promise<void> {
  const signal = interruptSignal();
  const bundle = await readBundle(dir, { publicKey: options.publicKey });
  const { manifest } = bundle;
  const levels = chooseLevels(options.level, manifest.levels.length);
  const data = await openData(options.data, {
    signal,
    onNote: (line) => process.stderr.write(`ebb eval: ${line}\n`),
  });
  checkFit(dir, manifest, data);
  const split = data[options.split];
  const progress = createProgress();
  const results: LevelEvaluation[] = [];
  const engine = await openEngine(bundle, { engine: options.engine });
  for (const { provider, reason } of engine.skipped)
    process.stderr.write(`ebb eval: ${provider}: ${reason}\n`);
  try {
    for (const level of levels) {
      const { correct, count } = await countCorrect(engine, level, split, manifest, {
        signal,
        onProgress: (done) => progress.update(`level ${level}: ${done} of ${split.count} images`),
      });
      results.push({
        engine: options.engine,
        level,
        correct,
        count,
        accuracy: correct / count,
        ...compare(manifest, level, data.name, options.split, correct, count),
      });
    }
  } finally {
    progress.done();
    await engine.close();
  }
  const summary = { bundle: manifest.name, data: data.name, split: options.split, levels: results };
  process.stdout.write(`${options.json ? snakeJson(summary, 2) : formatEvaluation(results)}\n`);
}

function chooseLevels(level: string | undefined, count: number): number[] {
  if (level === undefined) return Array.from({ length: count }, (_, i) => i);
  if (!/^\d+$/.test(level) || Number(level) >= count)
    throw new UsageError(
      `Cannot evaluate level "${level}" as the bundle has levels 0 to ${count - 1}: change --level`,
    );
  return [Number(level)];
}

/** Names of folders may come in another form of Unicode: see `findImages`. */
function isSameName(a: string, b: string | undefined): boolean {
  return a.normalize('NFC') === b?.normalize('NFC');
}

/** @throws Error where the images or classes are not the bundle's. */
export function checkFit(dir: string, manifest: Manifest, data: DataSet, action = 'evaluate'): void {
  const wanted = manifest.input.shape.slice(1).join(' x ');
  const { layout } = manifest.input;
  const current =
    layout === 'NCHW'
      ? [data.channels, data.height, data.width].join(' x ')
      : String(data.channels * data.height * data.width);
  if (wanted !== current)
    throw new Error(
      `Cannot ${action} bundle "${dir}" as images must be ${wanted} (${layout}): current value of "${data.name}" is ${current}; choose the data that the bundle was trained on`,
    );
  const wrong = manifest.labels.findIndex((label, i) => !isSameName(label, data.labels[i]));
  if (wrong >= 0 || data.labels.length !== manifest.labels.length) {
    const at = wrong >= 0 ? wrong : manifest.labels.length;
    const name = (label: string | undefined) => (label === undefined ? 'none' : `"${label}"`);
    throw new Error(
      `Cannot ${action} bundle "${dir}" as class ${at} must be ${name(manifest.labels[at])}: current value of "${data.name}" is ${name(data.labels[at])}; choose the data that the bundle was trained on`,
    );
  }
}

function compare(
  manifest: Manifest,
  level: number,
  data: string,
  split: string,
  correct: number,
  count: number,
): Pick<LevelEvaluation, 'manifestCorrect' | 'agrees'> {
  const { accuracy } = manifest.levels[level];
  if (accuracy === undefined || accuracy.data !== data || accuracy.split !== split) return {};
  return {
    manifestCorrect: accuracy.correct,
    agrees: accuracy.correct === correct && accuracy.count === count,
  };
}

/** One row for each level. */
export function formatEvaluation(results: LevelEvaluation[]): string {
  return formatTable(
    [
      { head: 'level', align: 'right' },
      { head: 'engine' },
      { head: 'correct', align: 'right' },
      { head: 'count', align: 'right' },
      { head: 'accuracy', align: 'right' },
      { head: 'manifest', align: 'right' },
      { head: 'agrees' },
    ],
    results.map((result) => [
      String(result.level),
      result.engine,
      String(result.correct),
      String(result.count),
      `${(100 * result.accuracy).toFixed(2)}%`,
      result.manifestCorrect === undefined ? '-' : String(result.manifestCorrect),
      result.agrees === undefined ? '-' : result.agrees ? 'yes' : 'NO',
    ]),
  );
}
