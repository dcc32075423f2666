import { isDeepStrictEqual } from 'node:util';
import type { Bundle } from '../bundle/read-bundle.ts';
import type { Engine, OpenOptions } from '../engine/engine.ts';
import { createHttpServer, type HttpServer } from '../listen/http-server.ts';
import type { CommandAnswer } from '../wire/answer.ts';
import type { Command } from '../wire/command.ts';
import type { Logger } from '../wire/link/logger.ts';
import type { SwapEvent } from '../wire/swap.ts';
import { defaultCacheDir } from './calibrate/cache.ts';
import type { Calibration } from './calibrate/calibration.ts';
import { type HostedBundle, hostBundle, requireFixedLevel } from './host/host-bundle.ts';
import { createHostSlot } from './host/host-slot.ts';
import { ebbVersion } from './package-version.ts';
import { describeChange, type ProfileChange } from './profile/change-profile.ts';
import { createProfileInForce } from './profile/profile-in-force.ts';
import type { Profile } from './profile/schema.ts';
import { createProfileSensors } from './profile-sensors.ts';
import type { Reporter, ReporterOptions } from './report/reporter.ts';
import { createStateReporter } from './report/state-reporter.ts';
import { type Identity, readIdentity } from './sense/identity.ts';
import { createInferenceApp, type InferenceService } from './serve/inference-app.ts';
import { leastRunMs } from './serve/least-run.ts';
import { RequestError } from './serve/request-error.ts';
import { createRequestQueue } from './serve/request-queue.ts';
import { createRequestServer, type HostedResult } from './serve/serve-requests.ts';

/** Together they stay below the 2 s that a stop may take. */
const drainLimitMs = 1000;
const goodbyeLimitMs = 800;

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
  /** The level must be known to be so accurate, 0..1: the active one where it is, else the sparsest that is. */
  minAccuracy?: number;
};

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
  /** @throws RequestError where the queue is full, the answer would come too late, or the agent is not ready. */
  infer(input: Float32Array, options?: InferOptions): Promise<AgentAnswer>;
  obey(command: Command): Promise<CommandAnswer>;
  /**
   * Reads the profile again: what can change while requests are served does, without touching one of them.
   * @throws Error where the new profile is wrong, or the agent not ready: the old one stays in force.
   */
  reload(): Promise<ProfileChange>;
  /**
   * Lets another bundle of the same name, input and outputs take over, between two requests, once it is opened and calibrated.
   * @throws Error where it cannot: the old one goes on then.
   */
  replaceBundle(bundle: Bundle): Promise<void>;
  /**
   * Reads the bundle again; where another one lies there now, it takes over as with `replaceBundle`.
   * @returns what came of it, a sentence. @throws Error where the old one goes on, with the reason.
   */
  reloadBundle(): Promise<string>;
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
  const stopping = new AbortController();
  const { signal } = stopping;
  let identity: Identity | undefined;
  let server: HttpServer | undefined;
  let stopped: Promise<void> | undefined;
  let end: Error | undefined;
  let tellEnd: (reason: Error) => void = () => {};
  const ended = new Promise<Error>((resolve) => {
    tellEnd = resolve;
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
        signal,
        openEngine: options.openEngine,
        onSwap: (swap) => {
          reporter.publishSwap(swap);
          options.onSwap?.(swap);
        },
      });
    },
    onTakeOver: watch,
    log,
  });

  const queue = createRequestQueue<HostedResult>({
    run: slot.run,
    chooseLevel: (turn) => slot.current?.loop.levelFor(turn),
    leastMs: (request) => (slot.current ? leastRunMs(slot.current, request) : 0),
    maxWaiting: () => inForce.read().http.maxQueue,
    monotonicMs,
  });

  const reporter = createStateReporter({
    profile: inForce.read,
    host: () => slot.current,
    queueDepth: () => queue.depth,
    onCommand: obey,
    log,
    createReporter: options.createReporter,
  });

  const requests = createRequestServer({
    manifest: () => service.manifest,
    host: requireHost,
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
    get ready() {
      return slot.current !== undefined && end === undefined && !signal.aborted;
    },
    infer: requests.infer,
    totals: requests.totals,
    reloadBundle,
  };

  function requireHost(): HostedBundle {
    if (slot.current && service.ready) return slot.current;
    if (end && !signal.aborted)
      throw new RequestError(
        503,
        `Cannot infer as an inference thread must run: ${end.message}; restart the agent`,
      );
    const state = signal.aborted ? 'shutting down' : 'still starting';
    throw new RequestError(503, `Cannot infer as the agent must be ready: it is ${state}; try again later`);
  }

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

  /** Of the bundle that answers from now on. */
  function watch(host: HostedBundle): void {
    reporter.renew();
    host.engine.ended.then((reason) => {
      if (slot.current !== host || signal.aborted) return;
      end = reason;
      log.error({ err: reason }, `the agent answers no more: ${reason.message}; restart it`);
      tellEnd(reason);
    });
  }

  async function obey(command: Command): Promise<CommandAnswer> {
    if (!service.ready) return { ok: false, error: 'Cannot obey as the agent is not ready' };
    if (command.kind !== 'reload') return requireHost().loop.obey(command);
    const note = describeChange(await reload());
    return { ok: true, note: options.reloadBundle ? `${note}; ${await reloadBundle()}` : note };
  }

  async function reloadBundle(): Promise<string> {
    try {
      if (!options.reloadBundle)
        throw new Error('Cannot reload the bundle as it must have come from a folder: start anew');
      const next = await options.reloadBundle();
      if (isDeepStrictEqual(next.manifest, service.manifest)) return 'the bundle has not changed';
      await slot.replace(next);
      return `another bundle answers, of ${next.manifest.levels.length} levels`;
    } catch (error) {
      log.warn({ err: error }, `the bundle stays as it was: ${(error as Error).message}`);
      throw error;
    }
  }

  async function reload(): Promise<ProfileChange> {
    if (!service.ready)
      throw new Error('Cannot reload the profile as the agent is not ready; try again later');
    const change = await inForce.reload();
    options.onReload?.(change);
    return change;
  }

  function adopt(before: Profile): void {
    if (!slot.current || signal.aborted) return;
    slot.current.loop.adopt(before);
    reporter.renew();
  }

  async function start(): Promise<{ url: string | undefined }> {
    signal.throwIfAborted();
    // First of all, so that a port that is taken shows before the seconds of calibration.
    const url = await listen();
    signal.throwIfAborted();
    const host = await slot.fill(options.bundle);
    watch(host);
    if (identity) reporter.start(identity);
    host.loop.start();
    inForce.onChange(adopt);
    return { url };
  }

  async function close(): Promise<void> {
    stopping.abort(new Error('the agent was stopped'));
    slot.current?.loop.stop();
    server?.drain();
    const answered = await queue.close(drainLimitMs);
    if (!answered) log.warn({}, `requests were still waiting after ${drainLimitMs} ms and were refused`);
    reporter.endTelemetry();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, goodbyeLimitMs);
    });
    await Promise.race([
      Promise.allSettled([reporter.stop(), slot.current?.keepLearnt(), slot.close(), runner.stop()]),
      late,
    ]);
    clearTimeout(timer);
    await server?.close();
    tellEnd(new Error('the agent was stopped'));
  }

  function stop(): Promise<void> {
    stopped ??= close();
    return stopped;
  }

  return {
    async start() {
      try {
        return await start();
      } catch (error) {
        await stop();
        throw error;
      }
    },
    stop,
    infer: async (input, { batch = 1, ...wishes } = {}) =>
      requests.infer({ input, batch, ...wishes, receivedMs: monotonicMs() }),
    obey,
    reload,
    replaceBundle: slot.replace,
    reloadBundle,
    ended,
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
