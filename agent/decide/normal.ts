/** Coefficients of Abramowitz and Stegun, Handbook of Mathematical Functions, 7.1.26: the error is at most 1.5e-7. */
const coefficients = [0.254829592, -0.284496736, 1.421413741, -1.453152027, 1.061405429];

/** The chance that a standard normal variable is at most `z`. */
export function normalCdf(z: number): number {
  const x = Math.abs(z) / Math.SQRT2;
  const t = 1 / (1 + 0.3275911 * x);
  const tail = coefficients.reduceRight((sum, coefficient) => (sum + coefficient) * t, 0) * Math.exp(-x * x);
  return z >= 0 ? 1 - tail / 2 : tail / 2;
}
