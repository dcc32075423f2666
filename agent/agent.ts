import type { Bundle } from '../bundle/read-bundle.ts';
import type { Engine, OpenOptions } from '../engine/engine.ts';
import { createHttpServer, type HttpServer } from '../listen/http-server.ts';
import type { Logger } from '../wire/link/logger.ts';
import type { SwapEvent } from '../wire/swap.ts';
import { defaultCacheDir } from './calibrate/cache.ts';
import type { Calibration } from './calibrate/calibration.ts';
import { checkInfer, type InferOptions } from './check-infer.ts';
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
  /** If the profile names `bundle.public_key`, it must have been read with that key: see `readBundle`. */
  bundle: Bundle;
  profile: Profile;
  /** Reads the profile again, for `reload`. Default: it cannot be reloaded. */
  reloadProfile?: (() => Promise<Profile>) | undefined;
  /** Reads the bundle again, for `reloadBundle`. Default: it cannot be reloaded. */
  reloadBundle?: (() => Promise<Bundle>) | undefined;
  /** pino's loggers fit. Default: nothing is logged. */
  log?: Logger | undefined;
  /** False serves no HTTP: `infer` is the only way in. Default true. */
  http?: boolean | undefined;
  /** Bearer token of the HTTP door. */
  token?: string | undefined;
  /** Where calibrations are kept. Default: `$XDG_CACHE_HOME/ebb`, else `~/.cache/ebb`. */
  cacheDir?: string | undefined;
  /** Measures although the cache holds a calibration. */
  recalibrate?: boolean | undefined;
  /** Used instead of the cache and of measuring. */
  calibration?: Calibration | undefined;
  /** Another level is active from now on. */
  onSwap?: ((swap: SwapEvent) => void) | undefined;
  /** A reload has changed the profile. */
  onReload?: ((change: ProfileChange) => void) | undefined;
};

/** What tests and benchmarks put in the place of the machine; not part of the library. */
export type AgentSeams = {
  root?: string;
  nowMs?: () => number;
  monotonicMs?: () => number;
  openEngine?: (bundle: Bundle, options: OpenOptions) => Promise<Engine>;
  /** Makes the reporter where the profile names a broker. */
  createReporter?: (options: ReporterOptions) => Reporter;
};

export type AgentAnswer = { output: Float32Array; level: number; inferMs: number; queueMs: number };

/**
 * Serves a bundle at the most accurate level that meets the deadline.
 *
 * INVARIANTS
 * - a request that was taken is answered or refused, whatever sensors, broker or clients do;
 * - `stop` ends within 2 s and may be called at any time, also while `start` runs.
 */
export type Agent = Omit<Operations, 'obey'> & {
  /**
   * Opens everything, calibrates where needed, begins to serve.
   * @returns the HTTP address, undefined without HTTP.
   * @throws EbbError if the port is taken, no engine can open the bundle, it was not read with the profile's key, or `stop` was called;
   * everything is closed again then.
   */
  start(): Promise<{ url: string | undefined }>;
  stop(): Promise<void>;
  /**
   * Computes `batch` inputs; they are copied.
   * @throws EbbError always as a rejection: wrong arguments, the queue is full, the answer would come too late, or the agent is not ready.
   */
  infer(input: Float32Array, options?: InferOptions): Promise<AgentAnswer>;
  /** Resolves, with the reason, where the agent can answer no more and a new process is needed; else with `stop`. */
  readonly ended: Promise<Error>;
  /** The active level. */
  readonly level: number;
  readonly policy: 'deadline' | 'fixed';
  /** Why the level is what it is. */
  readonly reason: string;
};

const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} };

/** As `createAgent`, which is the library's door, with what tests may exchange. */
export function openAgent(options: AgentOptions & AgentSeams): Agent & Operations {
  const { log = silent, token, root = '/', nowMs = Date.now } = options;
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
    async infer(input, inferOptions = {}) {
      const receivedMs = monotonicMs();
      const { manifest } = service;
      const { maxBatch } = inForce.read().http;
      return requests.infer({ ...checkInfer(input, inferOptions, { manifest, maxBatch }), receivedMs });
    },
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
