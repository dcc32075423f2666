import { parseHTML } from 'linkedom';
import { describe, expect, it } from 'vitest';
import type { Outcome } from '../../lab/load/open-loop.ts';
import { summarize } from '../../lab/load/phase-statistics.ts';
import { describeFailures } from '../../lab/track/phase-table.ts';
import { drawTimeline } from '../../lab/track/timeline.ts';
import type { Track } from '../../lab/track/track.ts';

const answered = (dueMs: number, latencyMs: number, level = 0): Outcome => ({
  dueMs,
  lateMs: 0,
  latencyMs,
  level,
  correct: 1,
  images: 1,
});
const failed = (dueMs: number): Outcome => ({
  dueMs,
  lateMs: 0,
  latencyMs: 1,
  correct: 0,
  images: 1,
  error: 'HTTP 503: too much to do',
});

const track = (policy: string, outcomes: Outcome[]): Track => ({
  policy,
  rows: [],
  phases: [
    { phase: 'calm', stress: undefined, startMs: 0, endMs: 1000 },
    { phase: 'stress', stress: 'two <other> processes', startMs: 1000, endMs: 2000 },
  ],
  outcomes,
  swaps: [],
});

type Node = {
  getAttribute(name: string): string | null;
  querySelectorAll(selector: string): Iterable<Node>;
  textContent: string | null;
  parentElement: Node | null;
};
const number = (node: Node, name: string) => Number(node.getAttribute(name));

/** Where a node stands in the picture: all translations down to it. */
function placeOf(node: Node): { x: number; y: number } {
  let place = { x: 0, y: 0 };
  for (let at: Node | null = node; at; at = at.parentElement) {
    const [, x, y] = /translate\(([-\d.]+),\s*([-\d.]+)\)/.exec(at.getAttribute('transform') ?? '') ?? [];
    place = { x: place.x + Number(x ?? 0), y: place.y + Number(y ?? 0) };
  }
  return place;
}

/** The picture's parts as they stand in it. */
function draw(tracks: Track[], options = { deadlineMs: 100, levels: 2 }) {
  const { document } = parseHTML(`<html><body>${drawTimeline(tracks, options)}</body></html>`);
  const all = (selector: string) => [...(document.querySelectorAll(selector) as unknown as Iterable<Node>)];
  const frames = all('g[aria-label="frame"] rect').map((rect) => {
    const place = placeOf(rect);
    const [left, top] = [place.x + number(rect, 'x'), place.y + number(rect, 'y')];
    return { left, top, right: left + number(rect, 'width'), bottom: top + number(rect, 'height') };
  });
  const marks = all('g[aria-label="dot"] path').map((path) => ({
    ...placeOf(path),
    fill: path.getAttribute('fill'),
  }));
  const points = marks.filter(({ fill }) => fill !== null);
  const crosses = marks.filter(({ fill }) => fill === null);
  const texts = all('text').map((text) => ({ text: text.textContent ?? '', ...placeOf(text) }));
  return { frames, points, crosses, texts, labels: texts.map(({ text }) => text) };
}

describe('drawTimeline()', () => {
  it('draws an answered request as a point and a failed one as a cross in a lane above all points', () => {
    const { points, crosses, labels, frames } = draw([
      track('adaptive', [answered(0, 50), answered(500, 900, 1), failed(1000), failed(1500)]),
    ]);
    expect(points).toHaveLength(2);
    expect(crosses).toHaveLength(2);
    expect(points.map(({ fill }) => fill)).toEqual(['#0072B2', '#D55E00']);
    for (const { y } of crosses) {
      expect(y).toBeGreaterThan(frames[0]!.top);
      expect(y).toBeLessThan(Math.min(...points.map((point) => point.y)));
    }
    const [{ left, right }] = frames as [(typeof frames)[0]];
    expect(crosses.map(({ x }) => (x - left) / (right - left))).toEqual([0.5, 0.75]);
    expect(labels).toContain('adaptive: 4 requests, 2 failed, 1 late');
    expect(labels).toContain('failed (2)');
    expect(labels).toContain('two <other> processes');
  });

  it('draws a run of failures alone, and says that nothing was answered', () => {
    const { points, crosses, labels } = draw([track('adaptive', [failed(100), failed(200), failed(300)])]);
    expect(points).toEqual([]);
    expect(crosses).toHaveLength(3);
    expect(labels).toContain('no request was answered');
    expect(labels).toContain('adaptive: 3 requests, 3 failed, 0 late');
  });

  it('has no lane where no request failed', () => {
    const { crosses, labels } = draw([track('fixed', [answered(0, 50)])]);
    expect(crosses).toEqual([]);
    expect(labels.filter((text) => text.startsWith('failed'))).toEqual([]);
  });

  it('fits its axis to the latencies and the deadline, whatever their size', () => {
    for (const unit of [0.01, 1, 100, 10_000]) {
      const outcomes = [answered(0, 3 * unit), answered(500, 4 * unit), answered(900, 40 * unit)];
      const { points, frames, labels } = draw([track('adaptive', outcomes)], {
        deadlineMs: 20 * unit,
        levels: 1,
      });
      const [{ top, bottom }] = frames as [(typeof frames)[0]];
      const shares = points.map(({ y }) => (bottom - y) / (bottom - top));
      expect(Math.min(...shares)).toBeCloseTo(0.074, 2);
      expect(Math.max(...shares)).toBeCloseTo(1 - 0.074, 2);
      for (const tick of [5, 10, 20, 50]) expect(labels).toContain((tick * unit).toLocaleString('en-US'));
    }
  });

  it('gives all panels one scale, and puts each deadline beside its panel and its line, not on the points', () => {
    const { points, frames, texts } = draw([
      track('adaptive', [answered(0, 50), answered(1900, 60)]),
      track('fixed densest', [answered(0, 50), answered(1900, 400)]),
    ]);
    expect(frames).toHaveLength(2);
    const [upper, lower] = frames as [(typeof frames)[0], (typeof frames)[0]];
    expect(lower.top).toBeGreaterThan(upper.bottom);
    expect(points[0]!.y - upper.top).toBeCloseTo(points[2]!.y - lower.top, 3);
    const deadlines = texts.filter(({ text }) => text === 'deadline 100 ms');
    expect(deadlines).toHaveLength(2);
    for (const [i, { x, y }] of deadlines.entries()) {
      expect(x).toBeGreaterThan(frames[i]!.right);
      expect(y).toBeGreaterThan(frames[i]!.top);
      expect(y).toBeLessThan(frames[i]!.bottom);
    }
  });
});

describe('describeFailures()', () => {
  it('says how many requests failed and what the first one was told', () => {
    const row = (outcomes: Outcome[]) => ({
      ...summarize(outcomes, { deadlineMs: 100, levels: 1 }),
      policy: 'adaptive',
      phase: 'calm',
      swaps: 0,
    });
    expect(describeFailures([row([answered(0, 5)])])).toBeUndefined();
    expect(describeFailures([row([answered(0, 5)]), row([failed(10), failed(20)])])).toBe(
      '2 requests failed. The first one: HTTP 503: too much to do',
    );
  });
});
