import type { Bundle } from '../bundle/read-bundle.ts';
import type { Engine, OpenOptions } from '../engine/engine.ts';
import { createHttpServer, type HttpServer } from '../listen/http-server.ts';
import type { Logger } from '../wire/link/logger.ts';
import type { SwapEvent } from '../wire/swap.ts';
import { defaultCacheDir } from './calibrate/cache.ts';
import type { Calibration } from './calibrate/calibration.ts';
import { closeAgent } from './close-agent.ts';
import { hostBundle, requireFixedLevel } from './host/host-bundle.ts';
import { createHostSlot } from './host/host-slot.ts';
import { levelEngines } from './host/level-engines.ts';
import { createLifetime } from './lifetime.ts';
import { createOperations, type Operations } from './operations.ts';
import { ebbVersion } from './package-version.ts';
import type { ProfileChange } from './profile/change-profile.ts';
import { createProfileInForce } from './profile/profile-in-force.ts';
import type { Profile } from './profile/schema.ts';
import { createProfileSensors } from './profile-sensors.ts';
import type { Reporter, ReporterOptions } from './report/reporter.ts';
import { createStateReporter } from './report/state-reporter.ts';
import { type Identity, readIdentity } from './sense/identity.ts';
import { createInferenceApp, type InferenceService } from './serve/inference-app.ts';
import { leastRunMs } from './serve/least-run.ts';
import { createRequestQueue } from './serve/request-queue.ts';
import { createRequestServer, type HostedResult } from './serve/serve-requests.ts';

export type AgentOptions = {
  bundle: Bundle;
  profile: Profile;
  /** Reads the profile again, for `reload`. Default: it cannot be reloaded. */
  reloadProfile?: () => Promise<Profile>;
  /** Reads the bundle again, for `reloadBundle`. Default: it cannot be reloaded. */
  reloadBundle?: () => Promise<Bundle>;
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
  onReload?: (change: ProfileChange) => void;
};

export type AgentAnswer = { output: Float32Array; level: number; inferMs: number; queueMs: number };

export type InferOptions = {
  /** Inputs in `input`. Default 1. */
  batch?: number;
  /** Computes at this level instead of the active one. */
  level?: number;
  /** Default: the profile's. */
  deadlineMs?: number;
  /** Least accuracy of the level that answers, 0..1: the active level if it has it, else the sparsest that has. */
  minAccuracy?: number;
};

/**
 * Serves a bundle at the most accurate level that meets the deadline.
 *
 * INVARIANTS
 * - a request that was taken is answered or refused, whatever sensors, broker or clients do;
 * - `stop` ends within 2 s and may be called at any time, also while `start` runs.
 */
export type Agent = Operations & {
  /**
   * Opens everything, calibrates where needed, begins to serve.
   * @returns the HTTP address, undefined without HTTP.
   * @throws Error where the port is taken, the engine cannot open the bundle, or `stop` was called.
   */
  start(): Promise<{ url: string | undefined }>;
  stop(): Promise<void>;
  /** @throws RequestError where the queue is full, the answer would come too late, or the agent is not ready. */
  infer(input: Float32Array, options?: InferOptions): Promise<AgentAnswer>;
  /** Resolves, with the reason, where the agent can answer no more and a new process is needed; else with `stop`. */
  readonly ended: Promise<Error>;
  /** The active level. */
  readonly level: number;
  readonly policy: 'deadline' | 'fixed';
  /** Why the level is what it is. */
  readonly reason: string;
};

/**
 * Prepares an agent; nothing is opened before `start`.
 *
 * @example
 * const agent = openAgent({ bundle: await readBundle('bundle'), profile: await loadProfile('x86'), log: pino() });
 * const { url } = await agent.start();
 */
export function openAgent(options: AgentOptions): Agent {
  const { log, token, root = '/', nowMs = Date.now } = options;
  const monotonicMs = options.monotonicMs ?? (() => performance.now());
  let identity: Identity | undefined;
  let server: HttpServer | undefined;

  const life = createLifetime({
    host: () => slot.current,
    close: () => closeAgent({ slot, server, queue, reporter, runner, log }),
    log,
  });

  const inForce = createProfileInForce({
    profile: options.profile,
    load: options.reloadProfile,
    check: (profile) => requireFixedLevel(profile, service.manifest),
    log,
  });
  const runner = createProfileSensors({ inForce, root, nowMs, monotonicMs });

  const slot = createHostSlot({
    host: async (bundle) => {
      identity ??= await readIdentity({ root });
      return hostBundle({
        bundle,
        profile: inForce.read,
        identity,
        runner,
        isBeside: slot.current !== undefined,
        pending: requests.pending,
        log,
        cacheDir: options.cacheDir ?? defaultCacheDir(),
        recalibrate: options.recalibrate ?? false,
        calibration: options.calibration,
        root,
        nowMs,
        monotonicMs,
        signal: life.signal,
        openEngine: options.openEngine,
        onSwap: (swap) => {
          reporter.publishSwap(swap);
          options.onSwap?.(swap);
        },
      });
    },
    onTakeOver: (host) => {
      reporter.renew();
      life.watch(host);
    },
    log,
  });

  const queue = createRequestQueue<HostedResult>({
    run: slot.run,
    chooseLevel: (turn) => slot.current?.loop.levelFor(turn),
    leastMs: (request) => (slot.current ? leastRunMs(slot.current, request) : 0),
    maxWaiting: () => inForce.read().http.maxQueue,
    isStalled: () => slot.current?.engine.isRunning === false,
    monotonicMs,
  });

  const requests = createRequestServer({
    manifest: () => service.manifest,
    host: life.requireHost,
    activeLevel: () => service.level,
    queue,
    deadlineMs: () => inForce.read().deadlineMs,
    monotonicMs,
  });

  const service: InferenceService = {
    get manifest() {
      return (slot.current ?? options.bundle).manifest;
    },
    get level() {
      return slot.current?.engine.level ?? 0;
    },
    get engines() {
      return slot.current ? levelEngines(slot.current.engine) : undefined;
    },
    get ready() {
      return life.isReady;
    },
    infer: requests.infer,
    totals: requests.totals,
    reloadBundle: () => operations.reloadBundle(),
  };

  const operations = createOperations({
    life,
    inForce,
    slot,
    manifest: () => service.manifest,
    readBundle: options.reloadBundle,
    onReload: options.onReload,
    log,
  });

  const reporter = createStateReporter({
    profile: inForce.read,
    host: () => slot.current,
    queueDepth: () => queue.depth,
    onCommand: operations.obey,
    log,
    createReporter: options.createReporter,
  });

  async function listen(): Promise<string | undefined> {
    if (options.http === false) return undefined;
    const { http } = inForce.read();
    const app = createInferenceApp({
      service,
      ebbVersion: ebbVersion(),
      token,
      limits: () => inForce.read().http,
      nowMs,
      monotonicMs,
      onError: (error) => log.error({ err: error }, `a request failed: ${String(error)}`),
    });
    server = createHttpServer({ app, address: http, token, requestTimeoutMs: http.requestTimeoutMs });
    return server.start();
  }

  /** What a reload has changed. */
  function adopt(before: Profile): void {
    if (!slot.current || life.signal.aborted) return;
    slot.current.loop.adopt(before);
    reporter.renew();
  }

  async function start(): Promise<{ url: string | undefined }> {
    life.signal.throwIfAborted();
    // First of all, so that a port that is taken shows before the seconds of calibration.
    const url = await listen();
    life.signal.throwIfAborted();
    const host = await slot.fill(options.bundle);
    life.watch(host);
    if (identity) reporter.start(identity);
    host.loop.start();
    inForce.onChange(adopt);
    return { url };
  }

  return {
    async start() {
      try {
        return await start();
      } catch (error) {
        await life.stop();
        throw error;
      }
    },
    stop: life.stop,
    infer: async (input, { batch = 1, ...wishes } = {}) =>
      requests.infer({ input, batch, ...wishes, receivedMs: monotonicMs() }),
    ...operations,
    ended: life.ended,
    get level() {
      return service.level;
    },
    get policy() {
      return slot.current?.loop.policy ?? inForce.read().policy;
    },
    get reason() {
      return slot.current?.loop.reason ?? 'just started';
    },
  };
}
