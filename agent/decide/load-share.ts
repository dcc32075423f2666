/** A server that is busier than this has queues that grow long. */
const mostBusy = 0.95;

/**
 * The greatest share of the requests that one server can run at a level of `meanMs`, all others at one of `reliefMs`, without falling behind:
 * x with rate * (x mean + (1 - x) relief) = 0.95; 0 to 1.
 */
export function mostShare(options: { requestsPerS: number; meanMs: number; reliefMs: number }): number {
  const { requestsPerS, meanMs, reliefMs } = options;
  const perRequestMs = (mostBusy * 1000) / requestsPerS;
  if (perRequestMs >= meanMs) return 1;
  if (perRequestMs <= reliefMs || meanMs <= reliefMs) return 0;
  return (perRequestMs - reliefMs) / (meanMs - reliefMs);
}
