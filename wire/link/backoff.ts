const firstMs = 250;
const leastMs = 100;
const mostMs = 15_000;

/**
 * How long to wait before the next attempt: exponential with full jitter, so that a fleet does not come back in step
 * (M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015).
 * `failures` counts the attempts that failed in a row; `random` draws from [0, 1).
 */
export function backoffMs(failures: number, random: () => number): number {
  const ceiling = Math.min(mostMs, firstMs * 2 ** Math.min(failures, 16));
  return Math.max(leastMs, random() * ceiling);
}
