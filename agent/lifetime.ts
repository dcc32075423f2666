import { EbbError } from '../errors/ebb-error.ts';
import { RequestError } from '../listen/request-error.ts';
import type { Logger } from '../wire/link/logger.ts';
import type { HostedBundle } from './host/host-bundle.ts';

/** Whether the agent answers. It goes one way only: starting, ready, perhaps dead as no inference thread can be had, stopped. */
export type Lifetime = {
  /** Aborted as `stop` begins. */
  readonly signal: AbortSignal;
  /** Whether a bundle is open, and no new process is needed. */
  readonly isOpen: boolean;
  /** Whether requests are answered: false also while an inference thread that died is replaced. */
  readonly isReady: boolean;
  /** Resolves, with the reason, as the agent dies; else when it has stopped. */
  readonly ended: Promise<Error>;
  /** The bundle that answers now. @throws RequestError 503 that says why none does. */
  requireHost(): HostedBundle;
  /** The agent dies with this bundle's engine, unless another bundle has taken over by then. */
  watch(host: HostedBundle): void;
  /** May be called at any time and again; always the same stop. */
  stop(): Promise<void>;
};

export function createLifetime(options: {
  /** The bundle that is open now. */
  host: () => HostedBundle | undefined;
  /** Closes all that is open; called once. */
  close: () => Promise<void>;
  log: Logger;
}): Lifetime {
  const { host, close, log } = options;
  const stopping = new AbortController();
  const { signal } = stopping;
  let stopped: Promise<void> | undefined;
  let death: Error | undefined;
  let tellEnd: (reason: Error) => void = () => {};
  const ended = new Promise<Error>((resolve) => {
    tellEnd = resolve;
  });

  async function end(): Promise<void> {
    const reason = new EbbError('EBB_CLOSED', 'the agent was stopped');
    stopping.abort(reason);
    await close();
    tellEnd(reason);
  }

  const isOpen = () => host() !== undefined && death === undefined && !signal.aborted;

  return {
    signal,
    get isOpen() {
      return isOpen();
    },
    get isReady() {
      return isOpen() && host()?.engine.isRunning === true;
    },
    ended,
    requireHost() {
      const open = host();
      if (open && !death && !signal.aborted) return open;
      if (death && !signal.aborted)
        throw new RequestError(
          503,
          `Cannot infer as an inference thread must run: ${death.message}; restart the agent`,
          { code: 'EBB_ENGINE_ENDED' },
        );
      const [state, code] = signal.aborted
        ? (['shutting down', 'EBB_CLOSED'] as const)
        : (['still starting', 'EBB_NOT_READY'] as const);
      throw new RequestError(
        503,
        `Cannot infer as the agent must be ready: it is ${state}; try again later`,
        {
          code,
        },
      );
    },
    watch(watched) {
      watched.engine.ended.then((reason) => {
        if (host() !== watched || signal.aborted) return;
        death = reason;
        log.error({ err: reason }, `the agent answers no more: ${reason.message}; restart it`);
        tellEnd(reason);
      });
    },
    stop() {
      stopped ??= end();
      return stopped;
    },
  };
}
