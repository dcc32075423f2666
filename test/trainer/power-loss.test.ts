import { open, readFile, readlink, stat, truncate, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { appendFileDurable } from '../../bundle/append-file-durable.ts';
import { writeFileAtomic } from '../../bundle/write-file-atomic.ts';
import { openFinishedRuns } from '../../lab/bench/ast/finished-runs.ts';
import { loadCheckpoint, saveCheckpoint } from '../../trainer/run/checkpoint.ts';
import type { Metric } from '../../trainer/run/metric.ts';
import { openMetricsLog } from '../../trainer/run/metrics-log.ts';
import { readMetrics } from '../../trainer/run/read-metrics.ts';
import { runTraining } from '../../trainer/run/run-training.ts';
import { completeSettings } from '../../trainer/settings.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { toySpec } from './toy-spec.ts';

const step = (iteration: number): Metric => ({
  kind: 'step',
  iteration,
  levels: [{ level: 0, loss: 1.5, accuracy: 0.25 }],
  learning_rate: 0.1,
  conflicts: 0,
});
const line = (metric: Metric) => `${JSON.stringify(metric)}\n`;

async function iterations(path: string): Promise<number[]> {
  const all: number[] = [];
  for await (const { iteration } of readMetrics(path)) all.push(iteration);
  return all;
}

/** Names of what is flushed from now on, in order (Linux: through /proc). */
async function recordSyncs(): Promise<string[]> {
  const handle = await open('/dev/null');
  const prototype = Object.getPrototypeOf(handle);
  await handle.close();
  const { sync } = prototype;
  const names: string[] = [];
  prototype.sync = async function (this: { fd: number }) {
    names.push(basename(await readlink(`/proc/self/fd/${this.fd}`)));
    return sync.call(this);
  };
  onTestFinished(() => {
    prototype.sync = sync;
  });
  return names;
}

describe('openMetricsLog()', () => {
  it('keeps the whole lines of a file that was cut at any byte, and says how many steps are missing', async () => {
    const path = join(await temporaryFolder(), 'metrics.jsonl');
    const whole = [0, 1, 2].map((i) => line(step(i))).join('');
    const bytes = whole.length;
    for (let length = 0; length <= bytes; length += 1) {
      await writeFile(path, whole.slice(0, length));
      const log = await openMetricsLog(path, { done: 3, bytes });
      const kept = whole.slice(0, length).split('\n').length - 1;
      expect(log.missing).toBe(3 - kept);
      log.add(step(3));
      expect(await log.flush()).toBe((await stat(path)).size);
      expect(await iterations(path)).toEqual([...[0, 1, 2].slice(0, kept), 3]);
    }
  });

  it('cuts what lies beyond the checkpoint, by length or by steps, also where a line before was removed', async () => {
    const path = join(await temporaryFolder(), 'metrics.jsonl');
    const epoch: Metric = { kind: 'epoch', iteration: 2, validation: [] };
    const lines = [step(0), step(1), epoch, step(2), step(3)].map(line);
    const bytes = lines.slice(0, 3).join('').length;
    await writeFile(path, lines.join(''));
    expect((await openMetricsLog(path, { done: 2, bytes })).missing).toBe(0);
    expect(await readFile(path, 'utf8')).toBe(lines.slice(0, 3).join(''));
    await writeFile(path, lines.slice(1).join(''));
    expect((await openMetricsLog(path, { done: 2, bytes })).missing).toBe(1);
    expect(await readFile(path, 'utf8')).toBe(lines.slice(1, 3).join(''));
    await openMetricsLog(path);
    expect((await stat(path)).size).toBe(0);
  });

  it('names path, line and cure of a line that is no metric, and goes on once it is removed', async () => {
    const path = join(await temporaryFolder(), 'metrics.jsonl');
    // Blocks that never reached the disk are read as zeros.
    for (const wrong of [`${'\0'.repeat(99)}\n`, '{"kind":"step"\n', '{"kind":"stop"}\n']) {
      const text = line(step(0)) + wrong + line(step(2));
      await writeFile(path, text);
      const known = { done: 3, bytes: text.length };
      await expect(openMetricsLog(path, known)).rejects.toThrow(
        /^Cannot read metrics ".*metrics\.jsonl", line 2, as it must be a metric in JSON: current error is ".+"; remove the line to go on without it$/s,
      );
      await expect(iterations(path)).rejects.toThrow('line 2');
      await writeFile(path, line(step(0)) + line(step(2)));
      expect((await openMetricsLog(path, known)).missing).toBe(1);
    }
  });

  it('reads lines with a byte order mark, CRLF and blank lines between them', async () => {
    const path = join(await temporaryFolder(), 'metrics.jsonl');
    await writeFile(path, `\ufeff${JSON.stringify(step(0))}\r\n\r\n  \n${line(step(1))}{"kind":`);
    expect(await iterations(path)).toEqual([0, 1]);
  });
});

it.skipIf(process.platform !== 'linux')(
  'log, checkpoint and folder reach the disk in this order',
  async () => {
    const dir = await temporaryFolder();
    const path = join(dir, 'metrics.jsonl');
    const log = await openMetricsLog(path);
    log.add(step(0));
    const synced = await recordSyncs();
    const metricsBytes = await log.flush();
    await saveCheckpoint(join(dir, 'checkpoint.bin'), {
      done: 1,
      seconds: 1,
      metricsBytes,
      state: new Map(),
    });
    await writeFileAtomic(join(dir, 'bundle.json'), '{}');
    await appendFileDurable(path, '\n');
    const temporary = (name: string) => expect.stringMatching(new RegExp(`^\\.${name}\\.[0-9a-f]+\\.tmp$`));
    const folder = basename(dir);
    expect(synced).toEqual([
      'metrics.jsonl',
      folder, // the log was empty, and may be new
      temporary('checkpoint.bin'),
      folder,
      temporary('bundle.json'),
      folder,
      'metrics.jsonl',
    ]);
  },
);

it('a checkpoint that was cut at any byte is refused with its path and the cure', async () => {
  const path = join(await temporaryFolder(), 'checkpoint.bin');
  const state = new Map([['weights', Float32Array.of(1, 2, 3)]]);
  await saveCheckpoint(path, { done: 1, seconds: 2, metricsBytes: 3, state });
  const { size } = await stat(path);
  expect((await loadCheckpoint(path))!.state).toEqual(state);
  for (let length = size - 1; length >= 0; length -= 1) {
    await truncate(path, length);
    await expect(loadCheckpoint(path)).rejects.toThrow(
      /^Cannot resume from ".*checkpoint\.bin" as .*; remove/,
    );
  }
});

it('a run whose metrics were cut by a power loss goes on, warns with the path, and reports what is there', async () => {
  const out = join(await temporaryFolder(), 'run');
  const settings = completeSettings({
    data: await toySpec(),
    levels: '0,0.5',
    epochs: 2,
    batch: 32,
    granularity: 'channel',
    backend: 'wasm',
    validation: 0.1,
  });
  const controller = new AbortController();
  let lines = 0;
  const onProgress = () => {
    lines += 1;
    if (lines === 3) controller.abort(new Error('stopped'));
  };
  await expect(runTraining({ settings, out }, { signal: controller.signal, onProgress })).rejects.toThrow(
    'stopped',
  );
  const path = join(out, 'metrics.jsonl');
  const before = await readFile(path, 'utf8');
  await truncate(path, before.indexOf('\n') + 20);
  const notes: string[] = [];
  const summary = await runTraining({ out }, { onNote: (note) => notes.push(note) });
  expect(notes.join('\n')).toMatch(
    /warning: ".*run\/metrics\.jsonl" lacks \d of the \d steps done, as after a power loss: the report is made of the others/,
  );
  expect(summary.levels).toHaveLength(2);
  expect(await readFile(join(out, 'report.html'), 'utf8')).toContain('<svg');
  const left = await iterations(path);
  expect(left[0]).toBe(0);
  expect(left[1]).toBeGreaterThan(1);
});

it('a line of runs.jsonl that is no JSON is named with path, line and cure', async () => {
  const dir = await temporaryFolder();
  const path = join(dir, 'runs.jsonl');
  await writeFile(path, '\n{"settings":\n{"cut');
  await expect(openFinishedRuns(dir, { name: 'toy', sha256: 'x' } as never, {})).rejects.toThrow(
    /runs\.jsonl", line 2, as it must be JSON: .*; remove the line to train that run again/,
  );
});
