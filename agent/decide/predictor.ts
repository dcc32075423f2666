import { type Calibration, levelLatency } from '../calibrate/calibration.ts';
import { normalCdf } from './normal.ts';
import type { Observation } from './policy.ts';
import {
  fadeFilter,
  leastMeasurementNoise,
  type SlowdownFilter,
  startFilter,
  updateFilter,
} from './slowdown-filter.ts';

/** What one level's last runs were like. */
type OwnRecord = Readonly<{ filter: SlowdownFilter; atMs: number; strikes: number }>;

/** What the answers so far tell of the runs to come. */
export type Predictor = Readonly<{
  /** The global slowdown, and the run that it was last measured at. */
  all: SlowdownFilter;
  level: number;
  atMs: number;
  own: Readonly<Record<number, OwnRecord>>;
  /** By level: logarithm of how much longer its runs take, against the other levels, than calibration says. */
  corrections: readonly number[];
  /** Hand-over and event loop: mean and mean deviation. */
  overheadMs: number;
  overheadDeviationMs: number;
}>;

/** Latency of one run, in milliseconds, as a normal variable. */
export type Prediction = { meanMs: number; sdMs: number };

/** Without requests the slowdown begins to fade after so long, by half in so long. */
const freshMs = 1500;
const halfLifeMs = 5000;
/** A level's own slowdown beyond the global one is forgotten by half in so long, twice as long with every strike. */
const ownHalfLifeMs = 500;
const mostStrikes = 10;
/** A run that is slower than expected by this factor is a strike; one that is within the other clears them. */
const strikeFactor = 1.5;
const clearFactor = 1.2;
/** Corrections learn slowly, and from calm neighbours in time alone. */
const correctionRate = 0.02;
const correctionMost = Math.log(1.5);
const calmRatio = 1.5;
const overheadRate = 0.05;
/** From the median to the 95th percentile of a normal distribution, in standard deviations. */
const toP95 = 1.645;

export function startPredictor(calibration: Calibration, corrections: readonly number[] = []): Predictor {
  return {
    all: startFilter(),
    level: 0,
    atMs: Number.NEGATIVE_INFINITY,
    own: {},
    corrections: calibration.levels.map((_, level) => {
      const known = corrections[level] ?? 0;
      return Number.isFinite(known) ? clamp(known) : 0;
    }),
    overheadMs: 0,
    overheadDeviationMs: 0,
  };
}

const clamp = (value: number) => Math.min(correctionMost, Math.max(-correctionMost, value));

/** Standard deviation of a level's calibrated latency, of its median. */
function relativeSd(calibration: Calibration, level: number, threads: number | undefined): number {
  const { p50Ms, p95Ms } = levelLatency(calibration, level, threads);
  return Math.max(0, p95Ms / p50Ms - 1) / toP95;
}

function expectedMs(predictor: Predictor, calibration: Calibration, run: Run): number {
  const { level, batch, threads } = run;
  const { p50Ms } = levelLatency(calibration, level, threads);
  return ((p50Ms * batch) / calibration.batch) * Math.exp(predictor.corrections[level]);
}

type Run = { level: number; batch: number; threads?: number | undefined };

/** Takes in the answers that came since it last did, oldest first. */
export function observe(
  predictor: Predictor,
  calibration: Calibration,
  observations: readonly Observation[],
  threads?: number,
): Predictor {
  let from = observations.length;
  while (from > 0 && endOf(observations[from - 1]) > predictor.atMs) from -= 1;
  let next = predictor;
  for (const one of observations.slice(from)) next = observeOne(next, calibration, one, threads);
  return next;
}

const endOf = ({ startMs, latencyMs }: Observation) => startMs + latencyMs;

function observeOne(
  before: Predictor,
  calibration: Calibration,
  one: Observation,
  threads: number | undefined,
): Predictor {
  const { level, batch, inferMs } = one;
  const ratio = inferMs / expectedMs(before, calibration, { level, batch, threads });
  const atMs = Math.max(before.atMs, endOf(one));
  if (!Number.isFinite(ratio) || !Number.isFinite(atMs)) return before;
  const noise = Math.max(leastMeasurementNoise, relativeSd(calibration, level, threads) ** 2);
  const all = fadeFilter(before.all, atMs - before.atMs - freshMs, halfLifeMs);
  const update = (filter: SlowdownFilter) =>
    updateFilter(filter, ratio, noise * Math.max(1, filter.mean) ** 2);
  const own = before.own[level];
  const strikes = own?.strikes ?? 0;
  const overheadMs = Math.max(0, one.latencyMs - inferMs - (one.queueMs ?? one.latencyMs - inferMs));
  return {
    all: update(all),
    level,
    atMs,
    own: {
      ...before.own,
      [level]: {
        filter: update(own?.filter ?? startFilter(ratio)),
        atMs,
        strikes:
          ratio > strikeFactor * all.mean
            ? Math.min(mostStrikes, strikes + 1)
            : ratio < clearFactor * all.mean
              ? 0
              : strikes,
      },
    },
    corrections: correct(before, level, ratio, atMs),
    overheadMs: before.overheadMs + overheadRate * (overheadMs - before.overheadMs),
    overheadDeviationMs:
      before.overheadDeviationMs +
      overheadRate * (Math.abs(overheadMs - before.overheadMs) - before.overheadDeviationMs),
  };
}

/** Two runs of different levels, one soon after the other on a calm machine, tell how these two differ from their calibration. */
function correct(before: Predictor, level: number, ratio: number, atMs: number): readonly number[] {
  const isCalm = ratio < calmRatio && before.all.mean < calmRatio && ratio > 1 / calmRatio;
  if (level === before.level || atMs - before.atMs > freshMs || !isCalm) return before.corrections;
  const step = (correctionRate / 2) * Math.log(ratio / Math.max(1 / calmRatio, before.all.mean));
  return before.corrections.map((value, index) => {
    if (index === level) return clamp(value + step);
    return index === before.level ? clamp(value - step) : value;
  });
}

/** The global slowdown now. */
export function slowdownNow(predictor: Predictor, nowMs: number): SlowdownFilter {
  return fadeFilter(predictor.all, nowMs - predictor.atMs - freshMs, halfLifeMs);
}

/** The slowdown of a level's runs: the global one, and what the level itself saw beyond it not long ago. */
export function slowdownOfLevel(predictor: Predictor, level: number, nowMs: number): number {
  const { mean } = slowdownNow(predictor, nowMs);
  const own = predictor.own[level];
  if (!own || own.filter.mean <= mean) return mean;
  const left = 0.5 ** (Math.max(0, nowMs - own.atMs) / (ownHalfLifeMs * 2 ** own.strikes));
  return mean + (own.filter.mean - mean) * left;
}

/**
 * Latency of a run inside the session.
 * @param slowdown in place of what was measured.
 */
export function predictRun(
  predictor: Predictor,
  calibration: Calibration,
  run: Run & { nowMs: number; slowdown?: number },
): Prediction {
  const { level, nowMs, threads } = run;
  const slowdown = run.slowdown ?? slowdownOfLevel(predictor, level, nowMs);
  const { variance } = predictor.all;
  const alone = expectedMs(predictor, calibration, run);
  const noise = relativeSd(calibration, level, threads) * slowdown;
  return { meanMs: alone * slowdown, sdMs: alone * Math.sqrt(variance + noise ** 2) };
}

/** The chance that a run takes at most `budgetMs`. */
export function chanceWithin({ meanMs, sdMs }: Prediction, budgetMs: number): number {
  return sdMs > 0 ? normalCdf((budgetMs - meanMs) / sdMs) : Number(meanMs <= budgetMs);
}

/** Time that a request spends neither waiting nor inferring, on the safe side. */
export function overheadOf({ overheadMs, overheadDeviationMs }: Predictor): number {
  return overheadMs + 2 * overheadDeviationMs;
}
