import type { Bundle } from '../bundle/read-bundle.ts';
import type { Engine, OpenOptions } from '../engine/engine.ts';
import { openEngine } from '../engine/open-engine.ts';
import { createHttpServer, type HttpServer } from '../listen/http-server.ts';
import type { CommandAnswer } from '../wire/answer.ts';
import type { Command } from '../wire/command.ts';
import type { Logger } from '../wire/link/logger.ts';
import type { SwapEvent } from '../wire/swap.ts';
import { buildTelemetry } from './build-telemetry.ts';
import { defaultCacheDir } from './calibrate/cache.ts';
import type { Calibration } from './calibrate/calibration.ts';
import { obtainCalibration } from './calibrate/obtain-calibration.ts';
import { type ControlLoop, createControlLoop } from './control-loop.ts';
import { buildLadder } from './decide/ladder.ts';
import type { PendingRequest } from './decide/policy.ts';
import { describeDevice, deviceName } from './describe-device.ts';
import { ebbVersion } from './package-version.ts';
import type { Profile } from './profile/schema.ts';
import { createReporter, type Reporter, type ReporterOptions } from './report/reporter.ts';
import { type Identity, readIdentity } from './sense/identity.ts';
import { createSensorRunner } from './sense/runner.ts';
import { createSensors } from './sense/sensors.ts';
import { createInferenceApp, type InferenceService } from './serve/inference-app.ts';
import { RequestError } from './serve/request-error.ts';
import { createRequestQueue, type RequestQueue } from './serve/request-queue.ts';
import { createRequestStats, type RequestStats } from './serve/request-stats.ts';

/** Together they stay below the 2 s that a stop may take. */
const drainLimitMs = 1000;
const goodbyeLimitMs = 800;

export type AgentOptions = {
  bundle: Bundle;
  profile: Profile;
  log: Logger;
  /** False serves no HTTP: `infer` is the only way in. Default true. */
  http?: boolean;
  /** Bearer token of the HTTP door. */
  token?: string | undefined;
  cacheDir?: string;
  /** Measures although the cache holds a calibration. */
  recalibrate?: boolean;
  /** Used instead of the cache and of measuring. */
  calibration?: Calibration;
  root?: string;
  nowMs?: () => number;
  monotonicMs?: () => number;
  openEngine?: (bundle: Bundle, options: OpenOptions) => Promise<Engine>;
  /** Makes the reporter where the profile names a broker. */
  createReporter?: (options: ReporterOptions) => Reporter;
  onSwap?: (swap: SwapEvent) => void;
};

export type AgentAnswer = { output: Float32Array; level: number; inferMs: number; queueMs: number };

/**
 * Serves a bundle at the most accurate level that meets the deadline.
 *
 * INVARIANTS
 * - a request that was taken is answered or refused, whatever sensors, broker or clients do;
 * - `stop` ends within 2 s and may be called at any time, also while `start` runs.
 */
export type Agent = {
  /**
   * Opens everything, calibrates where needed, begins to serve.
   * @returns the HTTP address, undefined without HTTP.
   * @throws Error where the port is taken, the engine cannot open the bundle, or `stop` was called.
   */
  start(): Promise<{ url: string | undefined }>;
  stop(): Promise<void>;
  /** @throws RequestError where the queue is full or the agent is not ready. */
  infer(
    input: Float32Array,
    options?: { batch?: number; level?: number; deadlineMs?: number },
  ): Promise<AgentAnswer>;
  obey(command: Command): Promise<CommandAnswer>;
  /** The active level. */
  readonly level: number;
  readonly policy: 'deadline' | 'fixed';
  /** Why the level is what it is. */
  readonly reason: string;
};

/** What `start` built, in order. */
type Parts = {
  engine: Engine;
  queue: RequestQueue;
  stats: RequestStats;
  loop: ControlLoop;
};

/**
 * Prepares an agent; nothing is opened before `start`.
 *
 * @example
 * const agent = openAgent({ bundle: await readBundle('bundle'), profile: await loadProfile('x86'), log: pino() });
 * const { url } = await agent.start();
 */
export function openAgent(options: AgentOptions): Agent {
  const { bundle, profile, log, token, root = '/', nowMs = Date.now } = options;
  const { manifest } = bundle;
  const monotonicMs = options.monotonicMs ?? (() => performance.now());
  const stopping = new AbortController();
  const { signal } = stopping;
  const pending = new Set<PendingRequest>();
  let parts: Parts | undefined;
  let engine: Engine | undefined;
  let engineEnd: Error | undefined;
  let server: HttpServer | undefined;
  let reporter: Reporter | undefined;
  let telemetryTimer: NodeJS.Timeout | undefined;
  let stopped: Promise<void> | undefined;

  function requireParts(): Parts {
    if (engineEnd && !signal.aborted)
      throw new RequestError(
        503,
        `Cannot infer as the inference thread must run: ${engineEnd.message}; restart the agent`,
      );
    if (parts && !signal.aborted) return parts;
    const state = signal.aborted ? 'shutting down' : 'still starting';
    throw new RequestError(503, `Cannot infer as the agent must be ready: it is ${state}; try again later`);
  }

  const service: InferenceService = {
    manifest,
    get level() {
      return engine?.level ?? 0;
    },
    get ready() {
      return parts !== undefined && engineEnd === undefined && !signal.aborted;
    },
    async infer({ input, batch, level, deadlineMs = profile.deadlineMs, receivedMs }) {
      const { queue, stats, loop } = requireParts();
      const waiting = { startMs: receivedMs, deadlineMs };
      const isActive = level === undefined;
      stats.arrived(batch);
      if (isActive) pending.add(waiting);
      try {
        const answer = await queue.submit({ input, batch, level });
        const { inferMs, queueMs } = answer;
        const latencyMs = monotonicMs() - receivedMs;
        stats.answered({ level: answer.level, batch, startMs: receivedMs, latencyMs, inferMs, deadlineMs });
        pending.delete(waiting);
        if (isActive && latencyMs > deadlineMs) void loop.hurry();
        return { output: answer.output, level: answer.level, inferMs, queueMs };
      } catch (error) {
        stats.rejected();
        throw error;
      } finally {
        pending.delete(waiting);
      }
    },
  };

  async function listen(): Promise<string | undefined> {
    if (options.http === false) return undefined;
    const { maxBodyBytes, maxBatch, requestTimeoutMs } = profile.http;
    const app = createInferenceApp({
      service,
      ebbVersion: ebbVersion(),
      token,
      maxBodyBytes,
      maxBatch,
      monotonicMs,
      onError: (error) => log.error({ err: error }, `a request failed: ${String(error)}`),
    });
    server = createHttpServer({ app, address: profile.http, token, requestTimeoutMs });
    return server.start();
  }

  function watch(opened: Engine): void {
    for (const { engine: name, provider, reason } of opened.skipped)
      log.warn({ engine: name, provider, reason }, `engine "${name}" (${provider}): ${reason}`);
    const engines = opened.engines.map(({ name, provider }) => `"${name}" (${provider})`);
    log.info({}, `the levels are open in ${engines.join(' and ')}`);
    opened.ended.then((reason) => {
      engineEnd = reason;
      if (!signal.aborted)
        log.error({ err: reason }, `the agent answers no more: ${reason.message}; restart it`);
    });
  }

  async function calibrate(opened: Engine, identity: Identity): Promise<Calibration> {
    if (options.calibration) return options.calibration;
    const cacheDir = options.cacheDir ?? defaultCacheDir();
    const force = options.recalibrate ?? false;
    const obtained = await obtainCalibration({
      engine: opened,
      identity,
      profile,
      cacheDir,
      force,
      root,
      nowMs,
      monotonicMs,
      signal,
    });
    const { calibration, source, warning } = obtained;
    const medians = calibration.levels.map(({ level, p50Ms }) => `level ${level} ${p50Ms.toFixed(2)} ms`);
    log.info({ calibration }, `calibration (${source}): ${medians.join(', ')}`);
    if (warning) log.warn({}, warning);
    return calibration;
  }

  function publishTelemetry({ queue, stats, loop }: Parts): void {
    const telemetry = buildTelemetry({
      window: stats.takeWindow(),
      manifest,
      readings: loop.reports.flatMap((report) => report.readings),
      state: {
        level: service.level,
        policy: loop.policy,
        slowdown: loop.slowdown,
        queueDepth: queue.depth,
        deadlineMs: profile.deadlineMs,
      },
    });
    reporter?.publishTelemetry(telemetry);
  }

  async function report(identity: Identity): Promise<void> {
    const { broker, fleet, device = deviceName(identity.hostname) } = profile.report;
    if (broker === undefined) return;
    reporter = (options.createReporter ?? createReporter)({
      url: broker,
      fleet,
      device,
      info: describeDevice({
        identity,
        manifest,
        sensors: [...profile.sensors, ...profile.readings.map(({ name }) => name)],
      }),
      onCommand: obey,
      log,
    });
    // Not awaited: a broker that is away must not hold up the serving.
    reporter.start().catch((error: unknown) => log.error({ err: error }, `cannot report: ${String(error)}`));
  }

  async function obey(command: Command): Promise<CommandAnswer> {
    if (!parts || signal.aborted) return { ok: false, error: 'Cannot obey as the agent is not ready' };
    return parts.loop.obey(command);
  }

  async function start(): Promise<{ url: string | undefined }> {
    signal.throwIfAborted();
    if (profile.policy === 'fixed' && profile.level >= manifest.levels.length)
      throw new Error(
        `Cannot hold level ${profile.level} as it must be 0 to ${manifest.levels.length - 1}: choose one of these`,
      );
    // First of all, so that a port that is taken shows before the seconds of calibration.
    const url = await listen();
    signal.throwIfAborted();
    const [identity, opened] = await Promise.all([
      readIdentity({ root }),
      (options.openEngine ?? openEngine)(bundle, {
        engine: profile.engine.name,
        threads: profile.engine.threads,
        providers: [...profile.engine.providers],
      }).then((made) => {
        engine = made;
        watch(made);
        return made;
      }),
    ]);
    signal.throwIfAborted();
    const calibration = await calibrate(opened, identity);
    signal.throwIfAborted();
    const ladder = buildLadder(
      calibration,
      manifest.levels.map((level) => level.accuracy?.value ?? null),
    );
    if (ladder.length < manifest.levels.length)
      log.info(
        { ladder },
        `levels worth choosing on this device: ${ladder.join(', ')}; the others are beaten`,
      );
    opened.setLevel(profile.policy === 'fixed' ? profile.level : ladder[0]);
    const stats = createRequestStats({ levels: manifest.levels.length, monotonicMs });
    const { sensors: names, readings } = profile;
    const runner = createSensorRunner({
      sensors: createSensors({ names, readings, root, nowMs, monotonicMs }),
      monotonicMs,
    });
    const onSwap = (swap: SwapEvent) => {
      reporter?.publishSwap(swap);
      options.onSwap?.(swap);
    };
    const queue = createRequestQueue({ engine: opened, maxWaiting: profile.http.maxQueue, monotonicMs });
    const loop = createControlLoop({
      engine: opened,
      calibration,
      profile,
      runner,
      stats,
      pending: () => [...pending],
      log,
      nowMs,
      monotonicMs,
      onSwap,
    });
    const made = { engine: opened, queue, stats, loop };
    parts = made;
    await report(identity);
    loop.start();
    telemetryTimer = setInterval(() => publishTelemetry(made), profile.report.intervalMs);
    return { url };
  }

  async function end(): Promise<void> {
    stopping.abort(new Error('the agent was stopped'));
    clearInterval(telemetryTimer);
    parts?.loop.stop();
    server?.drain();
    const answered = (await parts?.queue.close(drainLimitMs)) ?? true;
    if (!answered) log.warn({}, `requests were still waiting after ${drainLimitMs} ms and were refused`);
    if (parts) publishTelemetry(parts);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, goodbyeLimitMs);
    });
    const goodbye = Promise.allSettled([reporter?.stop(), engine?.close()]);
    await Promise.race([goodbye, late]);
    clearTimeout(timer);
    await server?.close();
  }

  function stop(): Promise<void> {
    stopped ??= end();
    return stopped;
  }

  async function startOrUndo(): Promise<{ url: string | undefined }> {
    try {
      return await start();
    } catch (error) {
      await stop();
      // Where `stop` came while the engine was being opened.
      await engine?.close();
      throw error;
    }
  }

  return {
    start: startOrUndo,
    stop,
    infer: async (input, { batch = 1, level, deadlineMs } = {}) =>
      service.infer({ input, batch, level, deadlineMs, receivedMs: monotonicMs() }),
    obey,
    get level() {
      return service.level;
    },
    get policy() {
      return parts?.loop.policy ?? profile.policy;
    },
    get reason() {
      return parts?.loop.reason ?? 'just started';
    },
  };
}
