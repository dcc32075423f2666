import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareWays } from '../../../lab/bench/serving/compare-ways.ts';
import { memoryTrend } from '../../../lab/bench/serving/memory-trend.ts';
import { parseSchedstat } from '../../../lab/bench/serving/scheduler-clock.ts';
import { minuteOf, type SoakSecond, trendsOf } from '../../../lab/bench/serving/soak-minutes.ts';
import { splitDelay } from '../../../lab/bench/serving/split-delay.ts';

describe('splitDelay()', () => {
  it('calls a turn blocked that its own work held up', () => {
    expect(splitDelay({ gapMs: 32, ranMs: 31, waitedMs: 0 }, 2)).toEqual({
      lateMs: 30,
      notScheduledMs: 0,
      blockedMs: 30,
      ownMs: 30,
    });
  });

  it('does not call a turn blocked whose thread had no processor', () => {
    expect(splitDelay({ gapMs: 32, ranMs: 2, waitedMs: 30 }, 2)).toMatchObject({
      lateMs: 30,
      blockedMs: 0,
      ownMs: 0,
    });
  });

  it('counts sleep inside a turn as blocked, and not as own work', () => {
    expect(splitDelay({ gapMs: 32, ranMs: 3, waitedMs: 5 }, 2)).toMatchObject({ blockedMs: 25, ownMs: 3 });
  });

  it('counts everything as blocked where the system does not tell', () => {
    expect(splitDelay({ gapMs: 32, ranMs: undefined, waitedMs: undefined }, 2)).toMatchObject({
      blockedMs: 30,
      ownMs: 30,
    });
  });

  it('its parts add up to the delay and are never below zero', () => {
    const ms = fc.double({ min: 0, max: 1e4, noNaN: true });
    fc.assert(
      fc.property(ms, ms, ms, (gapMs, ranMs, waitedMs) => {
        const { lateMs, notScheduledMs, blockedMs, ownMs } = splitDelay({ gapMs, ranMs, waitedMs }, 2);
        expect(notScheduledMs + blockedMs).toBeCloseTo(lateMs);
        for (const part of [lateMs, notScheduledMs, blockedMs, ownMs]) expect(part).toBeGreaterThanOrEqual(0);
        expect(ownMs).toBeLessThanOrEqual(blockedMs);
      }),
    );
  });
});

describe('parseSchedstat()', () => {
  it('reads nanoseconds that the thread ran and waited', () => {
    expect(parseSchedstat('594553000 2000000 17\n')).toEqual({ ranMs: 594.553, waitedMs: 2 });
  });

  it('tells nothing where the kernel does not', () => {
    expect(parseSchedstat('')).toBeUndefined();
  });
});

const everySecond = (bytesAt: (atS: number) => number, seconds = 60) =>
  Array.from({ length: seconds }, (_, index) => ({ atS: index + 1, bytes: bytesAt(index + 1) }));

describe('memoryTrend()', () => {
  it('finds a leak under a heap that fills up and is emptied again', () => {
    const { bytesPerMinute, firstBytes, lastBytes } = memoryTrend(
      everySecond((atS) => 1000 * atS + 50_000 * (atS % 7), 120),
    );
    expect(bytesPerMinute).toBeGreaterThan(30_000);
    expect(lastBytes - firstBytes).toBeGreaterThan(60_000);
  });

  it('is not led astray by single peaks', () => {
    const trend = memoryTrend(everySecond((atS) => (atS > 57 ? 1e9 : 1e6)));
    expect(trend).toEqual({ bytesPerMinute: 0, firstBytes: 1e6, lastBytes: 1e6 });
  });

  it('is a steady growth, whatever it is', () => {
    fc.assert(
      fc.property(fc.integer({ min: -1000, max: 1000 }), (perSecond) => {
        const { bytesPerMinute } = memoryTrend(everySecond((atS) => 1e6 + perSecond * atS));
        expect(bytesPerMinute).toBeCloseTo(60 * perSecond);
      }),
    );
  });

  it('wants two samples', () => {
    expect(() => memoryTrend([{ atS: 1, bytes: 1 }])).toThrow('must be two samples or more');
  });
});

describe('compareWays()', () => {
  it('takes the differences within rounds, so that a machine that slows down meanwhile changes them little', () => {
    const base = [1, 2, 4, 8, 16].map((ms) => [ms, ms, ms]);
    const slower = base.map((round) => round.map((ms) => ms + 0.25));
    expect(compareWays('library call', slower, base)).toEqual({
      way: 'library call',
      p50Ms: 4.25,
      p90Ms: 16.25,
      p99Ms: 16.25,
      overMs: 0.25,
    });
  });

  it('leaves a round out in which one has no answer, and needs one in which both have', () => {
    expect(compareWays('HTTP', [[], [3]], [[1], [2]]).overMs).toBe(1);
    expect(() => compareWays('HTTP', [[], [3]], [[1], []])).toThrow('there must be a round');
  });
});

describe('what a soak makes of its seconds', () => {
  const second = (atS: number, rest: Partial<SoakSecond> = {}): SoakSecond => ({
    atS,
    swaps: 1,
    rssBytes: 100,
    heapBytes: 50,
    answered: 10,
    refused: 2,
    errors: 0,
    different: 0,
    ...rest,
  });
  const loop = {
    lateMaxMs: 3,
    lateP999Ms: 2,
    blockedMaxMs: 2,
    blockedP999Ms: 1,
    ownMaxMs: 1,
    notScheduledMs: 4,
  };

  it('minuteOf() adds counts up and takes the median of memory', () => {
    const seconds = [second(1), second(2, { rssBytes: 900, errors: 1 }), second(3)];
    expect(minuteOf(seconds, loop)).toEqual({
      seconds: 3,
      swaps: 3,
      answered: 30,
      refused: 6,
      errors: 1,
      different: 0,
      rssBytes: 100,
      heapBytes: 50,
      ...loop,
    });
  });

  it('trendsOf() leaves the growth of the beginning out', () => {
    const seconds = Array.from({ length: 100 }, (_, index) =>
      second(index + 1, { rssBytes: Math.min(index + 1, 20), heapBytes: 5 + (index % 3) }),
    );
    const trends = trendsOf(seconds);
    expect(trends?.rss).toEqual({ bytesPerMinute: 0, firstBytes: 20, lastBytes: 20 });
    expect(trends?.heapLeft).toMatchObject({ firstBytes: 5, lastBytes: 5 });
  });

  it('trendsOf() tells nothing of a run that is too short', () => {
    expect(trendsOf([second(1)])).toBeUndefined();
  });
});
