import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { formatManifest } from '../../bundle/inspect-command.ts';
import type { Manifest } from '../../bundle/manifest.ts';
import { readBundle } from '../../bundle/read-bundle.ts';
import { openData } from '../../trainer/data/open-data.ts';
import { InferClient } from '../load/infer-client.ts';
import { runOpenLoop } from '../load/open-loop.ts';
import { summarize } from '../load/phase-statistics.ts';
import { startCpuStress } from '../stress/cpu-stress.ts';
import type { DemoRow } from './demo-table.ts';
import { type EbbProcess, runEbb } from './ebb-process.ts';
import { createLabelledLoad, type LabelledLoad } from './labelled-load.ts';
import { type Monitor, startMonitor } from './monitor.ts';
import { startServing } from './serving.ts';

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

export type DemoResult = { manifest: Manifest; deadlineMs: number; rows: DemoRow[] };

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
    ].concat(['--epochs', String(options.epochs), '--out', run, '--json']),
    options.signal,
  );
  return join(run, 'bundle');
}

/** Median of each level in milliseconds, as `ebb calibrate --json` measured them. */
async function calibrate(bundle: string, options: DemoOptions): Promise<number[]> {
  const text = await runEbb(
    ['calibrate', bundle, '--profile', 'x86', '--batch', String(options.batch), '--force', '--json'],
    options.signal,
  );
  const { levels } = JSON.parse(text) as { levels: { p50Ms: number }[] };
  return levels.map((level) => level.p50Ms);
}

async function runPhase(
  options: DemoOptions,
  setting: {
    policy: DemoRow['policy'];
    phase: string;
    stressed: boolean;
    deadlineMs: number;
    levels: number;
  },
  load: LabelledLoad,
  monitor: Monitor,
): Promise<DemoRow> {
  const { policy, phase, deadlineMs, levels } = setting;
  options.say(
    `${policy}, ${phase}: ${options.requestsPerS} requests/s for ${options.phaseS} s${setting.stressed ? `, ${options.stressProcesses} processes take the CPU` : ''}`,
  );
  const stress = startCpuStress(setting.stressed ? options.stressProcesses : 0);
  const swapsBefore = monitor.swaps();
  try {
    const outcomes = await runOpenLoop({
      requestsPerS: options.requestsPerS,
      durationS: options.phaseS,
      send: load.send,
      signal: options.signal,
    });
    return {
      ...summarize(outcomes, { deadlineMs, levels }),
      policy,
      phase,
      swaps: monitor.swaps() - swapsBefore,
    };
  } finally {
    await stress.stop();
  }
}

const phases = [
  { phase: 'calm', stressed: false },
  { phase: 'stress', stressed: true },
  { phase: 'calm again', stressed: false },
];

/**
 * Trains, serves, stresses, and measures adaptive against fixed: the whole of ebb on one machine, through its public verbs.
 *
 * @throws Error where a step fails; everything that was started is stopped then.
 */
export async function runDemo(options: DemoOptions): Promise<DemoStage> {
  await mkdir(options.out, { recursive: true });
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
    const rows: DemoRow[] = [];
    for (const policy of ['adaptive', 'fixed'] as const) {
      await monitor.setPolicy(policy);
      await sleep(1000, undefined, { signal: options.signal });
      for (const phase of phases)
        rows.push(
          await runPhase(options, { policy, deadlineMs, levels: medians.length, ...phase }, load, monitor),
        );
    }
    return { result: { manifest, deadlineMs, rows }, agentUrl: agent.url, monitorUrl: monitor.url, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
