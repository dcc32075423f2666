const z95 = 1.96;

/** The shares of right answers that `correct` of `count` speak for, at 95% (Wilson 1927): never below 0 nor above 1. */
export function wilsonInterval(correct: number, count: number): [low: number, high: number] {
  const share = correct / count;
  const square = z95 ** 2 / count;
  const middle = (share + square / 2) / (1 + square);
  const half = (z95 / (1 + square)) * Math.sqrt((share * (1 - share)) / count + square / (4 * count));
  return [middle - half, middle + half];
}
