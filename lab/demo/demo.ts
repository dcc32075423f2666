import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { formatManifest } from '../../bundle/inspect-command.ts';
import { makeFolder } from '../../bundle/make-folder.ts';
import { readBundle } from '../../bundle/read-bundle.ts';
import { writeFileAtomic } from '../../bundle/write-file-atomic.ts';
import { openData } from '../../trainer/data/open-data.ts';
import { InferClient } from '../load/infer-client.ts';
import type { DemoRow } from './demo-table.ts';
import { type EbbProcess, runEbb } from './ebb-process.ts';
import { createLabelledLoad } from './labelled-load.ts';
import { startMonitor } from './monitor.ts';
import { startServing } from './serving.ts';
import { drawTimeline } from './timeline.ts';
import { runTrack, type Track } from './track.ts';

/** The policy that was commanded is in force, and what it changed has passed. */
const settleMs = 1000;

export type DemoOptions = {
  /** Run folder: everything the demo writes lies there. */
  out: string;
  /** Serves this bundle instead of training one. */
  bundle?: string;
  /** SPEC of the data that is trained on and sent. */
  data: string;
  levels: string;
  epochs: number;
  phaseS: number;
  requestsPerS: number;
  /** Images in one request. */
  batch: number;
  stressProcesses: number;
  /** The deadline is this many times the calibrated median of level 0. */
  slack: number;
  /** Tells the user one line of what happens. */
  say: (line: string) => void;
  signal: AbortSignal;
};

export type DemoResult = {
  deadlineMs: number;
  rows: DemoRow[];
  /** Path of an SVG: every request's latency over time. */
  picture: string;
};

/** What is up while the demo runs: the caller ends it. */
export type DemoStage = { result: DemoResult; agentUrl: string; monitorUrl: string; stop(): Promise<void> };

async function trainBundle(options: DemoOptions): Promise<string> {
  if (options.bundle !== undefined) return options.bundle;
  const run = join(options.out, 'training');
  const levels = options.levels;
  options.say(`training resnet8 on ${options.data}: sub-nets of sparsity ${levels}, all in one go`);
  await runEbb(
    [
      'train',
      '--data',
      options.data,
      '--net',
      'resnet8',
      '--levels',
      levels,
      '--granularity',
      'channel',
      '--validation',
      '0',
    ].concat(['--epochs', String(options.epochs), '--out', run, '--json']),
    options.signal,
  );
  return join(run, 'bundle');
}

/** The agent finds here what was measured for the deadline. */
const cacheFolder = ({ out }: DemoOptions) => join(out, 'cache');

/** Median of each level in milliseconds, as `ebb calibrate --json` measured them. */
async function calibrate(bundle: string, options: DemoOptions): Promise<number[]> {
  const text = await runEbb(
    [
      'calibrate',
      bundle,
      '--profile',
      'x86',
      '--batch',
      String(options.batch),
      '--cache',
      cacheFolder(options),
      '--json',
    ],
    options.signal,
  );
  const { levels } = JSON.parse(text) as { levels: { p50_ms: number }[] };
  return levels.map((level) => level.p50_ms);
}

/**
 * Trains, serves, stresses, and measures adaptive against fixed: the whole of ebb on one machine, through its public verbs.
 *
 * @throws Error where a step fails; everything that was started is stopped then.
 */
export async function runDemo(options: DemoOptions): Promise<DemoStage> {
  const leaveFolder = await makeFolder(options.out);
  try {
    return await runSteps(options);
  } catch (error) {
    // Where nothing was made there is nothing to keep.
    await leaveFolder();
    throw error;
  }
}

async function runSteps(options: DemoOptions): Promise<DemoStage> {
  const dir = await trainBundle(options);
  const { manifest } = await readBundle(dir);
  options.say(`the bundle:\n\n${formatManifest(manifest)}\n`);
  const medians = await calibrate(dir, options);
  const deadlineMs = Math.ceil(medians[0] * options.slack);
  options.say(
    `calibrated for requests of ${options.batch} images: ${medians.map((ms, level) => `level ${level} ${ms.toFixed(1)} ms`).join(', ')}; the deadline shall be ${deadlineMs} ms`,
  );
  const running: { stop(): Promise<void> }[] = [];
  const stop = async () => {
    await Promise.all(running.splice(0).map((entry) => entry.stop()));
  };
  try {
    const monitor = await startMonitor(options);
    running.push(monitor);
    const agent: EbbProcess & { url: string } = await startServing({
      ...options,
      bundle: dir,
      deadlineMs,
      broker: monitor.brokerUrl,
      cache: cacheFolder(options),
    });
    running.push(agent);
    await monitor.waitForDevice(options.signal);
    options.say(`agent ${agent.url}, monitor ${monitor.url}/api/devices, broker ${monitor.brokerUrl}`);
    const [, ...shape] = manifest.input.shape as ['batch', ...number[]];
    const client = new InferClient({
      url: agent.url,
      model: manifest.name,
      input: { name: manifest.input.name, shape },
    });
    running.push({ stop: async () => client.close() });
    const { test } = await openData(options.data);
    const load = createLabelledLoad({ client, split: test, manifest, batch: options.batch });
    const tracks: Track[] = [];
    for (const policy of ['adaptive', 'fixed'] as const) {
      await monitor.setPolicy(policy);
      await sleep(settleMs, undefined, { signal: options.signal });
      tracks.push(
        await runTrack({
          ...options,
          policy,
          deadlineMs,
          levels: medians.length,
          send: load.send,
          swaps: monitor.swaps,
        }),
      );
    }
    const rows = tracks.flatMap((track) => track.rows);
    const picture = join(options.out, 'timeline.svg');
    await writeFileAtomic(picture, drawTimeline(tracks, { deadlineMs, levels: medians.length }));
    return { result: { deadlineMs, rows, picture }, agentUrl: agent.url, monitorUrl: monitor.url, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
