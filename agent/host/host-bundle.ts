import { describeUnclear } from '../../bundle/level-accuracy.ts';
import type { Manifest } from '../../bundle/manifest.ts';
import type { Bundle } from '../../bundle/read-bundle.ts';
import type { Engine, OpenOptions } from '../../engine/engine.ts';
import { openEngine } from '../../engine/open-engine.ts';
import { EbbError } from '../../errors/ebb-error.ts';
import type { Logger } from '../../wire/link/logger.ts';
import type { SwapEvent } from '../../wire/swap.ts';
import type { Calibration } from '../calibrate/calibration.ts';
import { readCorrections, writeCorrections } from '../calibrate/corrections.ts';
import { describeMemory } from '../calibrate/describe-memory.ts';
import { obtainCalibration } from '../calibrate/obtain-calibration.ts';
import { type ControlLoop, createControlLoop } from '../control-loop.ts';
import { buildLadder } from '../decide/ladder.ts';
import type { PendingRequest } from '../decide/policy.ts';
import { requireSigned } from '../profile/profile-bundle.ts';
import type { Profile } from '../profile/schema.ts';
import type { Identity } from '../sense/identity.ts';
import type { SensorRunner } from '../sense/runner.ts';
import { createRequestStats, type RequestStats } from '../serve/request-stats.ts';
import { describeLevelEngines } from './level-engines.ts';
import { type SupervisedEngine, superviseEngine } from './supervise-engine.ts';

export type HostOptions = {
  bundle: Bundle;
  /** In force now; it may change. */
  profile: () => Profile;
  identity: Identity;
  runner: SensorRunner;
  /** Whether another bundle answers meanwhile: what the machine takes is not this one's then. */
  isBeside: boolean;
  /** Requests for the active level that are not yet answered. */
  pending: () => PendingRequest[];
  log: Logger;
  cacheDir: string;
  /** Measures although the cache holds a calibration. */
  recalibrate: boolean;
  /** Used instead of the cache and of measuring. */
  calibration?: Calibration | undefined;
  root: string;
  nowMs: () => number;
  monotonicMs: () => number;
  signal: AbortSignal;
  openEngine?: ((bundle: Bundle, options: OpenOptions) => Promise<Engine>) | undefined;
  onSwap: (swap: SwapEvent) => void;
};

/** A bundle that is ready to answer: opened, calibrated, with what decides its level; the loop has not been started. */
export type HostedBundle = {
  readonly manifest: Manifest;
  readonly engine: SupervisedEngine;
  readonly calibration: Calibration;
  readonly stats: RequestStats;
  readonly loop: ControlLoop;
  /** Keeps what was learnt of the levels' latencies for the next start; never rejects. */
  keepLearnt(): Promise<void>;
};

/**
 * Opens a bundle and makes it ready. Where that fails nothing is left open.
 * @throws EbbError if no engine can open it, its signature was not verified with the profile's key, the profile's fixed level does not exist, or `signal` is aborted.
 */
export async function hostBundle(options: HostOptions): Promise<HostedBundle> {
  const { bundle, log, signal } = options;
  const profile = options.profile();
  const { manifest } = bundle;
  await requireSigned(profile, bundle);
  requireFixedLevel(profile, manifest);
  const open = () =>
    (options.openEngine ?? openEngine)(bundle, {
      engine: profile.engine.name,
      threads: profile.engine.threads,
      providers: [...profile.engine.providers],
    });
  const engine = await superviseEngine({ open, hangMs: profile.engine.hangMs, log });
  try {
    signal.throwIfAborted();
    tellEngines(engine, log);
    const calibration = await calibrate(engine, options);
    signal.throwIfAborted();
    log.info({}, describeLevelEngines(engine));
    const accuracies = manifest.levels.map((level) => level.accuracy ?? null);
    const ladder = buildLadder(calibration, accuracies);
    const skipped = manifest.levels.flatMap((_, level) => (ladder.includes(level) ? [] : [level]));
    if (skipped.length > 0)
      log.info(
        { ladder },
        `levels worth choosing on this device: ${ladder.join(', ')}; skipped, not faster than a level that is at least as accurate: ${skipped.join(', ')}`,
      );
    const unclear = describeUnclear(accuracies);
    if (unclear !== undefined) log.info({ ladder }, unclear);
    engine.setLevel(profile.policy === 'fixed' ? profile.level : ladder[0]);
    const { runner, pending, nowMs, monotonicMs, onSwap, cacheDir } = options;
    // A calibration that was handed in has no place in the cache.
    const isCached = options.calibration === undefined;
    const corrections = isCached ? await readCorrections(cacheDir, calibration) : undefined;
    const stats = createRequestStats({ levels: manifest.levels.length, monotonicMs });
    const loop = createControlLoop({
      engine,
      calibration,
      ...(corrections ? { corrections } : {}),
      profile: options.profile,
      runner,
      stats,
      pending,
      log,
      nowMs,
      monotonicMs,
      onSwap,
    });
    const keepLearnt = async () => {
      if (!isCached || loop.corrections.every((one) => one === 0)) return;
      await writeCorrections(cacheDir, calibration, loop.corrections).catch((error: unknown) =>
        log.warn({ err: error }, `cannot keep what was learnt of the levels' latencies: ${String(error)}`),
      );
    };
    return { manifest, engine, calibration, stats, loop, keepLearnt };
  } catch (error) {
    await engine.close();
    throw error;
  }
}

/** @throws Error where the profile asks for a level that the bundle has not. */
export function requireFixedLevel(profile: Profile, manifest: Manifest): void {
  if (profile.policy !== 'fixed' || profile.level < manifest.levels.length) return;
  throw new EbbError(
    'EBB_UNKNOWN_LEVEL',
    `Cannot hold level ${profile.level} as it must be 0 to ${manifest.levels.length - 1}: choose one of these`,
  );
}

function tellEngines({ engines, skipped }: Engine, log: Logger): void {
  for (const { engine, provider, reason } of skipped)
    log.warn({ engine, provider, reason }, `engine "${engine}" (${provider}): ${reason}`);
  const opened = engines.map(({ name, provider }) => `"${name}" (${provider})`);
  log.info({}, `the levels are open in ${opened.join(' and ')}`);
}

async function calibrate(engine: Engine, options: HostOptions): Promise<Calibration> {
  if (options.calibration) return options.calibration;
  const { identity, cacheDir, recalibrate: force, root, nowMs, monotonicMs, signal, log } = options;
  const obtained = await obtainCalibration({
    engine,
    identity,
    profile: options.profile(),
    cacheDir,
    force,
    root,
    nowMs,
    monotonicMs,
    signal,
    runner: options.runner,
    isBeside: options.isBeside,
  });
  const { calibration, source, warning } = obtained;
  const medians = calibration.levels.map(({ level, p50Ms }) => `level ${level} ${p50Ms.toFixed(2)} ms`);
  const { memory = [] } = calibration;
  const held = memory.length > 0 ? `; memory of all levels: ${describeMemory(memory)}` : '';
  const { measuredAt, batch } = calibration;
  log.info(
    { calibration: { source, measuredAt, batch } },
    `calibration (${source}): ${medians.join(', ')}${held}`,
  );
  if (warning) log.warn({}, warning);
  return calibration;
}
