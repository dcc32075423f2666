import {
  type Engine,
  EngineEndedError,
  type EngineName,
  type RunOptions,
  type RunResult,
} from '../../engine/engine.ts';
import type { Logger } from '../../wire/link/logger.ts';

/** How long before the n-th new thread since one has answered: whatever killed the one before may still be there. */
const delaysMs = [0, 100, 500, 2000, 10_000];
/** Threads that hang hold memory and cores until their runs return: with more, only a new process helps. */
const mostAbandoned = 3;
/** So many new threads fail or die without an answer, over 22 s, before the agent ends: what a new process cannot mend, its supervisor shows. */
const mostFailures = 6;
/** Runs wait while so many attempts to open the next thread fail, which takes 100 ms beside the attempts; more than that is no accident. */
const patience = 1;
/** The next thread opens what the first one has opened: if it takes ten times as long, and 10 s at least, it hangs. */
const openLimit = { times: 10, leastMs: 10_000 };

export type SuperviseOptions = {
  open: () => Promise<Engine>;
  /** A run that has not returned after so long hangs. */
  hangMs: number;
  log: Logger;
  delaysMs?: readonly number[];
  /** How long the next thread may take to open. Default: ten times as long as the first one took, at least 10 s. */
  openLimitMs?: number;
};

export type SupervisedEngine = Engine & {
  /** Whether an inference thread takes runs. False from the death of one until the next one is open. */
  readonly isRunning: boolean;
};

type Run = {
  input: Float32Array;
  batch: number;
  options: RunOptions;
  resolve: (result: RunResult) => void;
  reject: (error: unknown) => void;
};

/**
 * Opens an engine whose inference thread is replaced when it crashes or hangs.
 *
 * INVARIANTS
 * - of the runs that were submitted, a dead thread costs the one that it was computing; the others are computed by the next one, in order;
 * - level, threads, tuning and the levels' engines are the new thread's as they were the old one's;
 * - runs wait for the next thread; if two attempts to open it fail, they and all that come until one opens are rejected at once;
 * - `ended` resolves after `close`, and if too many threads hang, die or cannot be opened: then a new process is needed.
 * @throws Error if the first engine cannot be opened.
 */
export async function superviseEngine(options: SuperviseOptions): Promise<SupervisedEngine> {
  const { open, hangMs, log } = options;
  const waits = options.delaysMs ?? delaysMs;
  /** In the order of the calls; the oldest is the one that the thread computes. */
  const pending: Run[] = [];
  const levelEngines = new Map<number, EngineName>();
  const startMs = performance.now();
  let engine = await open();
  const limitMs =
    options.openLimitMs ?? Math.max(openLimit.leastMs, openLimit.times * (performance.now() - startMs));
  const { manifest, engines, skipped } = engine;
  let { level, threads } = engine;
  let forms: readonly number[] | undefined;
  let isOpen = true;
  let deaths = 0;
  let abandoned = 0;
  let failedOpens = 0;
  /** Why runs are rejected until a thread opens. */
  let trouble: EngineEndedError | undefined;
  let end: EngineEndedError | undefined;
  let tellEnd: (reason: EngineEndedError) => void = () => {};
  const ended = new Promise<EngineEndedError>((resolve) => {
    tellEnd = resolve;
  });
  let hangTimer: NodeJS.Timeout | undefined;
  let reopenTimer: NodeJS.Timeout | undefined;

  function finish(reason: EngineEndedError): void {
    end ??= reason;
    isOpen = false;
    clearTimeout(hangTimer);
    clearTimeout(reopenTimer);
    for (const { reject } of pending.splice(0)) reject(end);
    tellEnd(end);
  }

  /** The oldest run has begun just now, or there is none. */
  function watchOldest(): void {
    clearTimeout(hangTimer);
    if (pending.length === 0 || !isOpen) return;
    const watched = engine;
    hangTimer = setTimeout(() => {
      abandoned += 1;
      watched.abandon(`a run has not returned for ${hangMs} ms`);
    }, hangMs).unref();
  }

  function submit(run: Run): void {
    const owner = engine;
    const done = () => {
      const wasOldest = pending[0] === run;
      pending.splice(pending.indexOf(run), 1);
      if (wasOldest) watchOldest();
    };
    let running: Promise<RunResult>;
    try {
      running = owner.run(run.input, run.batch, run.options);
    } catch (error) {
      // One that waited for a thread is checked only now: its fault is no one else's.
      done();
      run.reject(error);
      return;
    }
    running.then(
      (result) => {
        if (!pending.includes(run)) return;
        done();
        deaths = 0;
        run.resolve(result);
      },
      (error: unknown) => {
        if (!pending.includes(run)) return;
        if (error instanceof EngineEndedError && end === undefined) return buryOnce(owner, error);
        done();
        run.reject(error);
      },
    );
  }

  /** The run that was being computed fails; the others wait for the next thread. */
  function buryOnce(owner: Engine, reason: EngineEndedError): void {
    if (owner !== engine || !isOpen) return;
    isOpen = false;
    clearTimeout(hangTimer);
    const victim = pending.shift();
    victim?.reject(reason);
    if (abandoned > mostAbandoned) {
      finish(new EngineEndedError(`${abandoned} inference threads hang`));
      return;
    }
    retry(reason, reason.message);
  }

  /** Opens the next thread, after a wait that grows with what has failed since the last answer. */
  function retry(error: unknown, what: string): void {
    if (deaths >= mostFailures) {
      finish(
        new EngineEndedError(
          `${deaths} inference threads failed, one after the other; the last one: ${what}`,
        ),
      );
      return;
    }
    const waitMs = waits[Math.min(deaths, waits.length - 1)] ?? 0;
    deaths += 1;
    const when = waitMs > 0 ? ` in ${waitMs} ms` : '';
    log.error({ err: error, waiting: pending.length }, `${what}: another inference thread is started${when}`);
    reopenTimer = setTimeout(reopen, waitMs);
  }

  async function openNext(): Promise<Engine> {
    const next = await open();
    try {
      if (forms !== undefined) await next.tune(forms);
      for (const [at, name] of levelEngines) next.setEngine(at, name);
      next.setThreads(threads);
      next.setLevel(level);
      return next;
    } catch (error) {
      await next.close();
      throw error;
    }
  }

  async function reopen(): Promise<void> {
    let isGivenUp = false;
    const limit = setTimeout(() => {
      isGivenUp = true;
      abandoned += 1;
      failToOpen(new Error(`it has not opened within ${(limitMs / 1000).toPrecision(3)} s`));
    }, limitMs).unref();
    try {
      const next = await openNext();
      // Closed meanwhile, or too late: another one is being opened.
      if (end !== undefined || isGivenUp) return next.close();
      use(next);
      log.info({}, `a new inference thread runs, ${pending.length} requests go on`);
    } catch (error) {
      if (end === undefined && !isGivenUp) failToOpen(error as Error);
    } finally {
      clearTimeout(limit);
    }
  }

  function failToOpen(error: Error): void {
    const what = `no inference thread can be opened (${error.message})`;
    failedOpens += 1;
    if (failedOpens > patience) {
      trouble = new EngineEndedError(what, { cause: error });
      for (const { reject } of pending.splice(0)) reject(trouble);
    }
    if (abandoned > mostAbandoned) finish(new EngineEndedError(`${abandoned} inference threads hang`));
    else retry(error, what);
  }

  function use(next: Engine): void {
    engine = next;
    isOpen = true;
    trouble = undefined;
    failedOpens = 0;
    engine.ended.then((reason) => {
      if (end === undefined) buryOnce(next, reason);
    });
    for (const run of [...pending]) submit(run);
    watchOldest();
  }

  use(engine);
  return {
    manifest,
    engines,
    skipped,
    ended,
    get level() {
      return level;
    },
    get threads() {
      return threads;
    },
    get pending() {
      return pending.length;
    },
    get isRunning() {
      return isOpen;
    },
    run(input, batch, runOptions = {}) {
      const refusal = end ?? trouble;
      if (refusal !== undefined) return Promise.reject(refusal);
      return new Promise((resolve, reject) => {
        const run = { input, batch, options: runOptions, resolve, reject };
        pending.push(run);
        if (!isOpen) return;
        submit(run);
        if (pending.length === 1) watchOldest();
      });
    },
    setLevel(next) {
      engine.setLevel(next);
      level = next;
    },
    setThreads(next) {
      engine.setThreads(next);
      threads = next;
    },
    engineOf: (at) => engine.engineOf(at),
    setEngine(at, name) {
      engine.setEngine(at, name);
      levelEngines.set(at, name);
    },
    memory: () => engine.memory(),
    async tune(known) {
      const chosen = await engine.tune(known);
      forms = chosen;
      return chosen;
    },
    async close() {
      finish(new EngineEndedError('The engine was closed', { isClosed: true }));
      await engine.close();
    },
    abandon(reason) {
      finish(new EngineEndedError(reason));
      engine.abandon(reason);
    },
  };
}
