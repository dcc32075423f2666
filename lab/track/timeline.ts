import * as Plot from '@observablehq/plot';
import { parseHTML } from 'linkedom';
import { levelColors } from '../../trainer/curve/level-colors.ts';
import type { Track } from './track.ts';

/** The axis holds every latency and the deadline, with room for the lines of text. */
function latencyRange(dots: { ms: number }[], deadlineMs: number): [number, number] {
  const values = [deadlineMs, ...dots.map(({ ms }) => ms)];
  return [Math.min(...values) / 2.5, Math.max(...values) * 1.5];
}

/** Latency of every request over time, one panel a track, coloured by level, with the deadline as a line: an SVG document. */
export function drawTimeline(tracks: Track[], options: { deadlineMs: number; levels: number }): string {
  const { document } = parseHTML('<html><body></body></html>');
  const dots = tracks.flatMap(({ policy, outcomes }) =>
    outcomes
      .filter((outcome) => outcome.error === undefined)
      .map((outcome) => ({
        track: policy,
        s: outcome.dueMs / 1000,
        ms: outcome.latencyMs,
        level: `level ${outcome.level}`,
      })),
  );
  const spans = tracks.flatMap(({ policy, phases }) =>
    phases
      .filter((phase) => phase.stress !== undefined)
      .map((phase) => ({
        track: policy,
        from: phase.startMs / 1000,
        to: phase.endMs / 1000,
        what: phase.stress,
      })),
  );
  const levels = Array.from({ length: options.levels }, (_, level) => `level ${level}`);
  const figure = Plot.plot({
    document: document as unknown as NonNullable<Plot.PlotOptions['document']>,
    width: 860,
    height: 60 + 190 * tracks.length,
    marginLeft: 52,
    marginRight: 100,
    style: { background: 'white', color: '#222', fontFamily: 'sans-serif', fontSize: '12px' },
    x: {
      label: 'time (s)',
      domain: [0, Math.max(...tracks.flatMap(({ phases }) => phases.map((phase) => phase.endMs))) / 1000],
    },
    y: {
      label: 'latency (ms)',
      type: 'log',
      grid: true,
      domain: latencyRange(dots, options.deadlineMs),
      ticks: 4,
      tickFormat: ',~d',
    },
    fy: { label: null, domain: tracks.map((track) => track.policy) },
    color: { domain: levels, range: levelColors },
    marks: [
      Plot.rect(spans, { fy: 'track', x1: 'from', x2: 'to', fill: '#e9e4d8' }),
      Plot.text(spans, {
        fy: 'track',
        x: (span: { from: number; to: number }) => (span.from + span.to) / 2,
        text: 'what',
        frameAnchor: 'bottom',
        dy: -6,
        fill: '#7a705a',
      }),
      Plot.dot(dots, { fy: 'track', x: 's', y: 'ms', fill: 'level', r: 2 }),
      Plot.ruleY([options.deadlineMs], { stroke: '#c22', strokeDasharray: '5 3' }),
      Plot.text([options.deadlineMs], {
        y: (ms: number) => ms,
        text: (ms: number) => `deadline ${ms} ms`,
        frameAnchor: 'left',
        textAnchor: 'start',
        dx: 4,
        dy: -8,
        fill: '#c22',
        stroke: 'white',
        strokeWidth: 4,
      }),
      // Plot's own legend is HTML; these stand in the figure.
      ...levels.map((level, index) =>
        Plot.text([{ track: tracks[0]?.policy }], {
          fy: 'track',
          text: () => `\u25cf ${level}`,
          fill: levelColors[index % levelColors.length],
          frameAnchor: 'top-right',
          textAnchor: 'start',
          dx: 6,
          dy: 4 + 16 * index,
        }),
      ),
      Plot.frame({ stroke: '#ccc' }),
    ],
  });
  figure.setAttribute('xmlns', 'http://www.w3.org/2000/svg');
  figure.setAttribute('role', 'img');
  figure.setAttribute('aria-label', 'Latency of every request over time, by policy and level');
  return figure.outerHTML;
}
