import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { appendFileDurable } from '../../../bundle/append-file-durable.ts';
import { readBundle } from '../../../bundle/read-bundle.ts';
import { writeFileAtomic } from '../../../bundle/write-file-atomic.ts';
import { openEngine } from '../../../engine/open-engine.ts';
import { openData } from '../../../trainer/data/open-data.ts';
import { countCorrect } from '../../../trainer/export/evaluate.ts';
import type { RunSummary } from '../../../trainer/run/run-summary.ts';
import { type RunHooks, runTraining } from '../../../trainer/run/run-training.ts';
import type { Settings } from '../../../trainer/settings.ts';
import type { DataIdentity } from './data-identity.ts';

/** What is kept of a run. */
export type FinishedRun = Pick<RunSummary, 'settings' | 'backend' | 'cost' | 'correction'> & {
  /** The data; `settings.data` is their name alone, so that a store serves wherever they lie. */
  data: DataIdentity;
  machine: string;
  levels: {
    sparsity: number;
    macs: number;
    /** Accuracy on the held-out samples: what choices are made by. */
    validation: number;
    /** Accuracy on the test split, counted once, at the end of the run: no choice reads it. */
    test: number;
  }[];
};

/** Runs that a folder remembers, one line each in `runs.jsonl`, so that a comparison goes on where it stopped. */
export type FinishedRuns = {
  has(settings: Settings): boolean;
  /** Trains what is not there yet; what was stopped midway goes on from its checkpoint. */
  obtain(settings: Settings): Promise<FinishedRun>;
};

/** A readable name that is the settings' and the data's own: the hash tells apart what the name leaves out. */
function idOf(settings: Settings, data: DataIdentity): string {
  const named = JSON.stringify({ ...settings, data: data.sha256 });
  const hash = createHash('sha256').update(named).digest('hex').slice(0, 8);
  const levels = settings.levels.replaceAll(',', '-').replaceAll(':', 'of');
  return `${settings.method}-${levels}-lr${settings.lr}-seed${settings.seed}-${hash}`;
}

/** @param data what the settings' `data` names. */
export async function openFinishedRuns(
  dir: string,
  data: DataIdentity,
  hooks: RunHooks,
): Promise<FinishedRuns> {
  const path = join(dir, 'runs.jsonl');
  const finished = new Map<string, FinishedRun>();
  const text = existsSync(path) ? await readFile(path, 'utf8') : '';
  // A last line without its end was cut short by a kill: its run is done again.
  const whole = text.slice(0, text.lastIndexOf('\n') + 1);
  if (whole !== text) await writeFileAtomic(path, whole);
  for (const [index, line] of whole.split('\n').slice(0, -1).entries()) {
    if (line.trim() === '') continue;
    const run = parseRun(line, path, index + 1);
    finished.set(idOf(run.settings, run.data), run);
  }
  return {
    has: (settings) => finished.has(idOf(settings, data)),
    async obtain(settings) {
      const id = idOf(settings, data);
      const known = finished.get(id);
      if (known) return known;
      const out = join(dir, id);
      const trained = await trainAndCount(out, settings, hooks);
      const run = { ...trained, data, settings: { ...settings, data: data.name } };
      await appendFileDurable(path, `${JSON.stringify(run)}\n`);
      finished.set(id, run);
      await rm(out, { recursive: true, force: true });
      return run;
    },
  };
}

/** @throws Error with path, line and cure if the line is no JSON. */
function parseRun(text: string, path: string, line: number): FinishedRun {
  try {
    return JSON.parse(text) as FinishedRun;
  } catch (cause) {
    throw new Error(
      `Cannot read finished runs "${path}", line ${line}, as it must be JSON: current error is "${(cause as Error).message}"; remove the line to train that run again`,
      { cause },
    );
  }
}

async function trainAndCount(
  out: string,
  settings: Settings,
  hooks: RunHooks,
): Promise<Omit<FinishedRun, 'data'>> {
  let summary: RunSummary;
  if (existsSync(join(out, 'run.json'))) summary = await readSummary(join(out, 'run.json'));
  else {
    const isBegun = existsSync(join(out, 'settings.json'));
    const run = { out, settings: isBegun ? undefined : settings, countOn: 'validation' } as const;
    summary = await runTraining(run, hooks);
  }
  const test = await countOnTest(join(out, 'bundle'), settings.data, hooks.signal);
  return {
    settings,
    backend: summary.backend,
    machine: `${cpus()[0]?.model ?? 'unknown CPU'}, ${cpus().length} cores`,
    cost: summary.cost,
    correction: summary.correction,
    levels: summary.levels.map(({ sparsity, macs, accuracy }, level) => ({
      sparsity,
      macs,
      validation: accuracy?.value ?? Number.NaN,
      test: test[level],
    })),
  };
}

/** @throws Error with path and cure if the file is no JSON. */
async function readSummary(path: string): Promise<RunSummary> {
  const text = await readFile(path, 'utf8');
  try {
    return JSON.parse(text) as RunSummary;
  } catch (cause) {
    throw new Error(
      `Cannot read summary "${path}" as it must be JSON: current error is "${(cause as Error).message}"; remove its folder to train that run again`,
      { cause },
    );
  }
}

async function countOnTest(dir: string, spec: string, signal: AbortSignal | undefined): Promise<number[]> {
  // The bench has written it itself.
  const bundle = await readBundle(dir, { publicKey: undefined });
  const { test } = await openData(spec);
  const engine = await openEngine(bundle, { engine: 'ort' });
  const accuracies: number[] = [];
  try {
    for (const level of bundle.manifest.levels.keys()) {
      const { correct, count } = await countCorrect(engine, level, test, bundle.manifest, { signal });
      accuracies.push(correct / count);
    }
  } finally {
    await engine.close();
  }
  return accuracies;
}
