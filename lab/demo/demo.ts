import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { loadProfile } from '../../agent/profile/load-profile.ts';
import { applyFlags } from '../../agent/profile-options.ts';
import { formatManifest } from '../../bundle/inspect-command.ts';
import { type Bundle, readBundle } from '../../bundle/read-bundle.ts';
import { writeFileAtomic } from '../../bundle/write-file-atomic.ts';
import { openData } from '../../trainer/data/open-data.ts';
import { calibrateBundle } from '../drive/calibrate-bundle.ts';
import type { EbbProcess } from '../drive/ebb-process.ts';
import { inRunFolder } from '../drive/in-run-folder.ts';
import { startServing } from '../drive/serving.ts';
import { trainBundle } from '../drive/train-bundle.ts';
import { evenArrivals } from '../load/arrivals.ts';
import { InferClient } from '../load/infer-client.ts';
import { createLabelledLoad } from '../load/labelled-load.ts';
import { startCpuStress } from '../stress/cpu-stress.ts';
import type { PhaseRow } from '../track/phase-table.ts';
import { drawTimeline } from '../track/timeline.ts';
import { type Phase, runTrack, type Track } from '../track/track.ts';
import { startMonitor } from './monitor.ts';

/** The policy that was commanded is in force, and what it changed has passed. */
const settleMs = 1000;

function phasesOf({ phaseS, stressProcesses }: DemoOptions): Phase[] {
  const what = `${stressProcesses} other processes take the CPU`;
  const start = () => startCpuStress(stressProcesses);
  return [
    { phase: 'calm', durationS: phaseS },
    { phase: 'stress', durationS: phaseS, stress: { what, start } },
    { phase: 'calm again', durationS: phaseS },
  ];
}

export type DemoOptions = {
  /** Run folder: everything the demo writes lies there. */
  out: string;
  /** Serves this bundle instead of training one. */
  bundle?: string;
  /** Path of the key that `bundle` must be signed with. */
  publicKey?: string;
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
  rows: PhaseRow[];
  /** Path of an SVG: every request's latency over time. */
  picture: string;
};

/** What is up while the demo runs: the caller ends it. */
export type DemoStage = { result: DemoResult; agentUrl: string; monitorUrl: string; stop(): Promise<void> };

/** The agent finds here what was measured for the deadline. */
const cacheFolder = ({ out }: DemoOptions) => join(out, 'cache');

/** Median of each level in milliseconds. */
async function calibrate(bundle: Bundle, options: DemoOptions): Promise<number[]> {
  const profile = applyFlags(await loadProfile('x86'), { batch: options.batch });
  const { signal } = options;
  const { calibration, warning } = await calibrateBundle({
    bundle,
    profile,
    cacheDir: cacheFolder(options),
    signal,
  });
  if (warning !== undefined) options.say(`warning: ${warning}`);
  return calibration.levels.map(({ p50Ms }) => p50Ms);
}

/**
 * Trains, serves, stresses, and measures adaptive against fixed: the whole of ebb on one machine; agent and monitor are processes of their own.
 *
 * @throws Error where a step fails; everything that was started is stopped then.
 */
export function runDemo(options: DemoOptions): Promise<DemoStage> {
  return inRunFolder(options.out, () => runSteps(options));
}

async function runSteps(options: DemoOptions): Promise<DemoStage> {
  const dir = options.bundle ?? (await trainBundle(options));
  // What was trained here just now is not signed yet.
  const publicKey = options.bundle === undefined ? undefined : options.publicKey;
  const bundle = await readBundle(dir, { publicKey });
  const { manifest } = bundle;
  options.say(`the bundle:\n\n${formatManifest(manifest)}\n`);
  const medians = await calibrate(bundle, options);
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
    const { test } = await openData(options.data, { signal: options.signal });
    const load = createLabelledLoad({ client, split: test, manifest, batch: options.batch });
    const tracks: Track[] = [];
    for (const policy of ['adaptive', 'fixed'] as const) {
      await monitor.setPolicy(policy);
      await sleep(settleMs, undefined, { signal: options.signal });
      tracks.push(
        await runTrack({
          ...options,
          policy,
          phases: phasesOf(options),
          arrivalsMs: evenArrivals({ requestsPerS: options.requestsPerS, durationS: 3 * options.phaseS }),
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
