/**
 * The slowdown as a random variable that a Kalman filter follows: mean and variance. After Wan et al., "ALERT: Accurate Learning for Energy and
 * Timeliness", USENIX ATC 2020, section 3.3: a random walk whose process noise grows with what surprised the filter and fades when nothing does.
 */
export type SlowdownFilter = Readonly<{
  mean: number;
  /** Of the slowdown before the next measurement. */
  variance: number;
  gain: number;
  processNoise: number;
  /** Measured less expected, the last time. */
  innovation: number;
}>;

/** Share of the process noise that is kept from one run to the next: the paper's alpha. */
const kept = 0.3;
/**
 * Least process noise. The paper's 0.1 is a standard deviation of a third of the calibrated latency, which would shut levels
 * that fit every time; volatility raises it by itself, within one run.
 */
export const leastProcessNoise = 0.001;
/** The paper's R: variance of one measurement, of calibrated latency 1. */
export const leastMeasurementNoise = 0.001;
/** Of a machine of which nothing but its calibration is known yet: the paper's mean and gain, a fifth of its variance. */
const first: SlowdownFilter = {
  mean: 1,
  variance: 0.02,
  gain: 0.5,
  processNoise: leastProcessNoise,
  innovation: 0,
};

export function startFilter(mean = 1): SlowdownFilter {
  return { ...first, mean };
}

/**
 * One measurement further.
 * @param measured measured over calibrated latency of one run.
 * @param measurementNoise variance of that ratio on an undisturbed machine.
 */
export function updateFilter(
  filter: SlowdownFilter,
  measured: number,
  measurementNoise: number,
): SlowdownFilter {
  const surprise = (filter.gain * filter.innovation) ** 2;
  const processNoise = Math.max(leastProcessNoise, kept * filter.processNoise + (1 - kept) * surprise);
  const variance = (1 - filter.gain) * filter.variance + processNoise;
  const gain = variance / (variance + measurementNoise);
  const innovation = measured - filter.mean;
  return { mean: filter.mean + gain * innovation, variance, gain, processNoise, innovation };
}

/** What is left of it after `elapsedMs` without a run: half as far from an undisturbed machine every `halfLifeMs`. */
export function fadeFilter(filter: SlowdownFilter, elapsedMs: number, halfLifeMs: number): SlowdownFilter {
  const left = 0.5 ** (Math.max(0, elapsedMs) / halfLifeMs);
  return { ...filter, mean: 1 + (filter.mean - 1) * left };
}
