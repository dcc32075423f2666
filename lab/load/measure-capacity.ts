import { runClosedLoop } from './closed-loop.ts';
import type { Response } from './open-loop.ts';

export type CapacityOptions = {
  /** Requests that are under way at any time. */
  inFlight: number;
  durationS: number;
  send: (index: number) => Promise<Response>;
  signal: AbortSignal;
};

/**
 * Requests a second that the server answers at most.
 * @throws Error where a request fails, or `signal` is aborted.
 */
export async function measureCapacity(options: CapacityOptions): Promise<number> {
  const { inFlight, durationS, send, signal } = options;
  const end = new AbortController();
  const timer = setTimeout(() => end.abort(), durationS * 1000);
  const startMs = performance.now();
  let answered = 0;
  let failure: string | undefined;
  try {
    await runClosedLoop({
      inFlight,
      async send(index) {
        const { error } = await send(index);
        if (error === undefined) return 'answered';
        failure ??= error;
        end.abort();
        return 'errors';
      },
      onEnding: (ending) => {
        if (ending === 'answered') answered += 1;
      },
      backOffMs: 0,
      signal: AbortSignal.any([signal, end.signal]),
    });
  } finally {
    clearTimeout(timer);
  }
  signal.throwIfAborted();
  if (failure !== undefined)
    throw new Error(`Cannot measure the capacity as every request must be answered: ${failure}`);
  return (answered * 1000) / (performance.now() - startMs);
}
