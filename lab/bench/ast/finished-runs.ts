import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readBundle } from '../../../bundle/read-bundle.ts';
import { writeFileAtomic } from '../../../bundle/write-file-atomic.ts';
import { openEngine } from '../../../engine/open-engine.ts';
import { openData } from '../../../trainer/data/open-data.ts';
import { countCorrect } from '../../../trainer/export/evaluate.ts';
import type { RunSummary } from '../../../trainer/run/run-summary.ts';
import { type RunHooks, runTraining } from '../../../trainer/run/run-training.ts';
import type { Settings } from '../../../trainer/settings.ts';

export type FinishedRun = {
  id: string;
  summary: RunSummary;
  /** By level: accuracy on the held-out samples. */
  validation: number[];
};

/** Runs that are kept in a folder, one sub-folder each, so that a comparison goes on where it stopped. */
export type FinishedRuns = {
  /** Trains what is not there yet; what was stopped midway goes on from its checkpoint. */
  obtain(settings: Settings): Promise<FinishedRun>;
  has(settings: Settings): boolean;
  /** By level: accuracy on the test split, counted once and kept. */
  test(run: FinishedRun): Promise<number[]>;
};

/** A readable name that is the settings' own: the hash tells apart what the name leaves out. */
function idOf(settings: Settings): string {
  const hash = createHash('sha256').update(JSON.stringify(settings)).digest('hex').slice(0, 8);
  const levels = settings.levels.replaceAll(',', '-').replaceAll(':', 'of');
  return `${settings.method}-${levels}-lr${settings.lr}-seed${settings.seed}-${hash}`;
}

export function openFinishedRuns(dir: string, hooks: RunHooks): FinishedRuns {
  const wholeRun = (settings: Settings) => join(dir, idOf(settings), 'run.json');
  return {
    has: (settings) => existsSync(wholeRun(settings)),
    async obtain(settings) {
      const id = idOf(settings);
      const out = join(dir, id);
      let summary: RunSummary;
      if (existsSync(wholeRun(settings)))
        summary = JSON.parse(await readFile(wholeRun(settings), 'utf8')) as RunSummary;
      else {
        const isBegun = existsSync(join(out, 'settings.json'));
        summary = await runTraining(
          { out, settings: isBegun ? undefined : settings, countOn: 'validation' },
          hooks,
        );
      }
      return { id, summary, validation: summary.levels.map(({ accuracy }) => accuracy?.value ?? Number.NaN) };
    },
    async test({ id, summary }) {
      const path = join(dir, id, 'test.json');
      if (existsSync(path)) return JSON.parse(await readFile(path, 'utf8')) as number[];
      const bundle = await readBundle(join(dir, id, 'bundle'));
      const data = await openData(summary.settings.data);
      const engine = await openEngine(bundle);
      const accuracies: number[] = [];
      try {
        for (const level of bundle.manifest.levels.keys()) {
          const { correct, count } = await countCorrect(engine, level, data.test, bundle.manifest, {
            signal: hooks.signal,
          });
          accuracies.push(correct / count);
        }
      } finally {
        await engine.close();
      }
      await writeFileAtomic(path, `${JSON.stringify(accuracies)}\n`);
      return accuracies;
    },
  };
}
