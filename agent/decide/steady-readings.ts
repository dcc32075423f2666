import type { Reading } from '../sense/sensor.ts';

/**
 * A filter in front of all decisions that read sensors: a jump that is implausible needs a second sample. Until then the last believed value
 * stands. Gauges and monitoring chips give a wrong value now and then (a bus error, a conversion under way), and guards act on one value at once.
 *
 * The bounds below need not be exact. A jump beyond one is not refused: it costs one more sample, half a second by default, while heat shuts a
 * level every 10 s. A smaller bound would delay more real changes, a larger one would let larger errors through.
 */
type Bound = (believed: number, elapsedS: number) => number;

const bounds: Readonly<Record<string, Bound>> = {
  // A sensor's noise and the step of a die that begins to work within one sample; then the slope of a heat sink, at most some degrees a second.
  temperature: (_, elapsedS) => Math.min(20, 5 + 2 * elapsedS),
  // Whole percents and a correction of the gauge; then a discharge in 5 minutes, faster than any pack that feeds a computer.
  battery_charge: (_, elapsedS) => Math.min(0.2, 0.03 + elapsedS / 300),
  battery_power: (believed) => Math.max(20, 2 * believed),
  // A program may take much at once, but a reading of 0 is more often none.
  memory_available: (believed) => believed / 2,
  // Each event holds the clocks down for milliseconds.
  over_current_events: (_, elapsedS) => 1000 * (1 + elapsedS),
};

/** Samples nearer to each other are no second one: chips and gauges give the same conversion again. */
const apartMs = 400;
/** An unbelieved sample waits so long, and for at least two more samples, for another one like it: a value may swing. */
const waitMs = 5000;
const waitSamples = 2;
/** If no second sample comes after a first one, as from a command that is run seldom, there is nothing better. */
const aloneMs = 5000;
/** What was not read for so long, and so many times in a row, is new. */
const forgetMs = 60_000;
const forgetRounds = 3;

type Sample = { value: number; atMs: number; later: number };
type Track = {
  /** The last sample that was seen; the same one comes again if decisions are faster than sensors. */
  last: Reading | undefined;
  seenMs: number;
  missed: number;
  believed: { value: number; atMs: number } | undefined;
  unbelieved: Sample[];
};

export type SteadyReadings = {
  /**
   * The readings, each of a bounded kind with the value that is believed; those without one yet are left out, as is what is no number.
   * @param nowMs on the policy's clock.
   */
  take(readings: readonly Reading[], nowMs: number): Reading[];
};

const keyOf = ({ name, labels }: Reading) => JSON.stringify([name, labels ?? {}]);

function isSame(one: Reading, other: Reading): boolean {
  return one === other || (one.atMs === other.atMs && one.value === other.value);
}

/** Takes a new sample in: believed if it is plausible after the last believed one, or a second one that agrees with an earlier one. */
function believe(track: Track, value: number, nowMs: number, bound: Bound): void {
  const { believed } = track;
  const isNear = (from: number, atMs: number) => Math.abs(value - from) <= bound(from, (nowMs - atMs) / 1000);
  const waiting = track.unbelieved
    .map((sample) => ({ ...sample, later: sample.later + 1 }))
    .filter(({ atMs, later }) => nowMs - atMs <= waitMs || later <= waitSamples);
  track.unbelieved = waiting;
  if (believed && isNear(believed.value, believed.atMs)) {
    track.believed = { value, atMs: nowMs };
    return;
  }
  const first = waiting.filter(({ atMs }) => nowMs - atMs >= apartMs);
  if (first.some((sample) => isNear(sample.value, sample.atMs))) {
    track.believed = { value, atMs: nowMs };
    track.unbelieved = [];
    return;
  }
  // A fast rise goes on between two samples: both lie beyond, and the nearer of them is certain.
  const side = (one: number) => Math.sign(one - (believed?.value ?? one));
  const beyond = believed ? first.filter((sample) => side(sample.value) === side(value)) : [];
  if (believed && beyond.length > 0) {
    const ways = [value, ...beyond.map((sample) => sample.value)].map((one) => one - believed.value);
    const nearest = ways.reduce((best, way) => (Math.abs(way) < Math.abs(best) ? way : best));
    track.believed = { value: believed.value + nearest, atMs: nowMs };
  }
  track.unbelieved = [...waiting.slice(-7), { value, atMs: nowMs, later: 0 }];
}

export function createSteadyReadings(): SteadyReadings {
  const tracks = new Map<string, Track>();

  function steady(reading: Reading, nowMs: number): Reading | undefined {
    const bound = Object.hasOwn(bounds, reading.name) ? bounds[reading.name] : undefined;
    if (!Number.isFinite(reading.value)) return undefined;
    if (bound === undefined) return reading;
    const key = keyOf(reading);
    const track = tracks.get(key) ?? {
      last: undefined,
      seenMs: 0,
      missed: 0,
      believed: undefined,
      unbelieved: [],
    };
    tracks.set(key, track);
    if (!track.last || !isSame(track.last, reading)) believe(track, reading.value, nowMs, bound);
    Object.assign(track, { last: reading, seenMs: nowMs, missed: 0 });
    const [only] = track.unbelieved;
    if (track.believed === undefined && only !== undefined && nowMs - only.atMs >= aloneMs)
      track.believed = { value: only.value, atMs: nowMs };
    return track.believed === undefined ? undefined : { ...reading, value: track.believed.value };
  }

  return {
    take(readings, nowMs) {
      for (const track of tracks.values()) track.missed += 1;
      const taken = readings.flatMap((reading) => steady(reading, nowMs) ?? []);
      for (const [key, { seenMs, missed }] of tracks)
        if (missed >= forgetRounds && nowMs - seenMs > forgetMs) tracks.delete(key);
      return taken;
    },
  };
}
