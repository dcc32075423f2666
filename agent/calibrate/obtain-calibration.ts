import { availableParallelism } from 'node:os';
import type { Engine } from '../../engine/engine.ts';
import { ebbVersion, packageVersion } from '../package-version.ts';
import type { Profile } from '../profile/schema.ts';
import { createCpuSensor } from '../sense/cpu.ts';
import type { Identity } from '../sense/identity.ts';
import type { SensorRunner } from '../sense/runner.ts';
import { ownCpuMs } from '../sense/sensors.ts';
import { calibrationKey, readCalibration, writeCalibration } from './cache.ts';
import type { Calibration } from './calibration.ts';
import { measureEnergy, powerOf } from './measure-energy.ts';
import { measureLevels } from './measure-levels.ts';
import { measureThreads, threadsUpTo } from './measure-threads.ts';
import { runFirst } from './run-first.ts';

/** Where others use more of the CPU than this a measurement tells of them, not of the device: some core must stay free. */
function contendedShare(cores: number, threads: number): number {
  return Math.max(0.3, 1 - threads / cores);
}

export type ObtainOptions = {
  engine: Engine;
  identity: Identity;
  profile: Profile;
  cacheDir: string;
  /** Measures although the cache holds a calibration. */
  force: boolean;
  /** What may tell the machine's power. */
  runner?: SensorRunner | undefined;
  /** Whether this process does other work meanwhile: what machine and process take then tells of that, and is not measured. */
  isBeside?: boolean;
  root: string;
  nowMs: () => number;
  monotonicMs: () => number;
  signal?: AbortSignal;
  onRun?: (done: { runs: number; elapsedMs: number }) => void;
};

export type Obtained = {
  calibration: Calibration;
  source: 'cache' | 'measured';
  /** What is doubtful about it, with the cure. */
  warning: string | undefined;
};

/**
 * This device's calibration of the engine's bundle: from the cache, else measured and kept there. Each level then runs on the engine that is
 * fastest for it, and the sparse engine's kernels fit the machine.
 */
export async function obtainCalibration(options: ObtainOptions): Promise<Obtained> {
  const obtained = await readOrMeasure(options);
  for (const { level, engine } of obtained.calibration.levels) options.engine.setEngine(level, engine);
  return obtained;
}

async function readOrMeasure(options: ObtainOptions): Promise<Obtained> {
  const { engine, identity, profile, cacheDir, force, root, nowMs, monotonicMs, signal, onRun } = options;
  const { seconds, batch } = profile.calibration;
  const { threads, maxThreads } = profile.engine;
  const counts = threadsUpTo(threads, Math.min(maxThreads, availableParallelism()));
  const key = calibrationKey({
    manifest: engine.manifest,
    device: { cpu: identity.cpu, cores: identity.cores, arch: identity.arch },
    threads: counts,
    engines: engine.engines.map(({ name, provider }) => ({ name, provider })),
    batch,
    versions: { ebb: ebbVersion(), onnxruntime: packageVersion('onnxruntime-node') ?? 'unknown' },
  });
  const cached = force ? undefined : await readCalibration(cacheDir, key, engine.manifest.levels.length);
  if (cached) {
    await engine.tune(cached.forms);
    return { calibration: cached, source: 'cache', warning: undefined };
  }

  const cpu = createCpuSensor({ root, nowMs, ownCpuMs, monotonicMs });
  await cpu.read();
  const common = { engine, batch, monotonicMs, ...(signal ? { signal } : {}) };
  await runFirst(common);
  const forms = await engine.tune();
  const timing = { ...common, seconds, ...(onRun ? { onRun } : {}) };
  const levels = await measureThreads(await measureLevels(timing), counts, timing);
  const after = await cpu.read();
  const others = Array.isArray(after) ? after.find(({ name }) => name === 'cpu_others')?.value : undefined;
  const measuredAt = new Date(nowMs()).toISOString();
  const { runner, isBeside = false } = options;
  const readPowerW = async () =>
    isBeside ? undefined : powerOf(((await runner?.read()) ?? []).flatMap(({ readings }) => readings));
  const memory = (await engine.memory()).filter(({ isExact }) => isExact || !isBeside);
  const calibration: Calibration = {
    version: 3,
    key,
    measuredAt,
    batch,
    forms,
    levels: await measureEnergy(levels, { ...common, readPowerW }),
    memory,
  };
  if (others !== undefined && others > contendedShare(identity.cores, threads)) {
    const warning = `calibrated while others used ${Math.round(others * 100)}% of the cpu, so the latencies are too long; not kept: measure again on a calm machine with "ebb calibrate --force"`;
    return { calibration, source: 'measured', warning };
  }
  try {
    await writeCalibration(cacheDir, calibration);
    return { calibration, source: 'measured', warning: undefined };
  } catch (error) {
    // A read-only device still runs: it measures at every start.
    const why = error instanceof Error ? error.message : String(error);
    return {
      calibration,
      source: 'measured',
      warning: `cannot keep the calibration in "${cacheDir}": ${why}`,
    };
  }
}
