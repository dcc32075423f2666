import * as Plot from '@observablehq/plot';
import { parseHTML } from 'linkedom';
import { latencyScale } from '../../trainer/report/scales.ts';
import { type Series, seriesOf } from '../../trainer/report/series.ts';
import { drawLegend } from './timeline-legend.ts';
import type { Track } from './track.ts';

const width = 860;
const margin = { left: 60, right: 130, bottom: 44 };
const panelHeight = 200;
/** Between two panels, for the title of the lower one. */
const gap = 34;
/** At a panel's top, above all latencies: the failed requests. */
const laneHeight = 18;
const red = '#b00020';

const msText = (ms: number) => `${ms.toLocaleString('en-US', { maximumFractionDigits: 3 })} ms`;

/** "adaptive: 120 requests, 7 failed, 12 late". */
function titleOf({ policy, outcomes }: Track, deadlineMs: number): string {
  const failed = outcomes.filter(({ error }) => error !== undefined).length;
  const late = outcomes.filter(
    ({ error, latencyMs }) => error === undefined && latencyMs > deadlineMs,
  ).length;
  const noun = outcomes.length === 1 ? 'request' : 'requests';
  return `${policy}: ${outcomes.length} ${noun}, ${failed} failed, ${late} late`;
}

/** All that is drawn, one row for each mark. */
function readTracks(tracks: Track[], series: Series[], deadlineMs: number) {
  const answered = tracks.flatMap(({ policy, outcomes }) =>
    outcomes
      .filter(({ error }) => error === undefined)
      .map(({ dueMs, latencyMs, level }) => {
        const { color, symbol } = series[level ?? 0];
        return { track: policy, s: dueMs / 1000, ms: Math.max(latencyMs, 0.001), color, symbol };
      }),
  );
  const failed = tracks.flatMap(({ policy, outcomes }) =>
    outcomes
      .filter(({ error }) => error !== undefined)
      .map(({ dueMs }) => ({ track: policy, s: dueMs / 1000 })),
  );
  const spans = tracks.flatMap(({ policy, phases }) =>
    phases.flatMap(({ stress, startMs, endMs }) =>
      stress === undefined ? [] : [{ track: policy, from: startMs / 1000, to: endMs / 1000, what: stress }],
    ),
  );
  const titles = tracks.map((track) => ({ track: track.policy, title: titleOf(track, deadlineMs) }));
  const empty = tracks
    .filter(({ outcomes }) => outcomes.every(({ error }) => error !== undefined))
    .map(({ policy }) => ({ track: policy }));
  return { answered, failed, spans, titles, empty };
}

/** So that the lane of the failures is above every latency and the deadline. */
function withLane(scale: ReturnType<typeof latencyScale>): ReturnType<typeof latencyScale> {
  const [low, high] = scale.domain;
  return { ...scale, domain: [low, low * (high / low) ** (panelHeight / (panelHeight - laneHeight))] };
}

/**
 * Every request over time, one panel a track, as an SVG document: the latency of an answered one in its level's colour, a cross in a lane of
 * its own for a failed one. All panels have one scale, which holds every latency and the deadline.
 */
export function drawTimeline(tracks: Track[], options: { deadlineMs: number; levels: number }): string {
  const { deadlineMs, levels } = options;
  const series = seriesOf(Array.from({ length: levels }, (_, level) => `level ${level}`));
  const { answered, failed, spans, titles, empty } = readTracks(tracks, series, deadlineMs);
  const scale = latencyScale([deadlineMs, ...answered.map(({ ms }) => ms)]);
  const hasFailed = failed.length > 0;
  const legend = drawLegend({
    levels: series,
    ...(hasFailed ? { failed: `failed (${failed.length})` } : {}),
    stresses: [...new Set(spans.map(({ what }) => what))],
    left: margin.left,
    width,
  });
  const { document } = parseHTML('<html><body></body></html>');
  const marginTop = legend.height + gap;
  const inner = panelHeight * tracks.length + gap * (tracks.length - 1);
  const figure = Plot.plot({
    document: document as unknown as NonNullable<Plot.PlotOptions['document']>,
    width,
    height: marginTop + inner + margin.bottom,
    marginTop,
    marginLeft: margin.left,
    marginRight: margin.right,
    marginBottom: margin.bottom,
    style: { background: 'white', color: '#222', fontFamily: 'sans-serif', fontSize: '12px' },
    x: {
      label: 'time when the request was due (s)',
      labelAnchor: 'center',
      labelArrow: 'none',
      domain: [0, Math.max(...tracks.flatMap(({ phases }) => phases.map(({ endMs }) => endMs))) / 1000],
    },
    y: { grid: true, labelAnchor: 'center', labelArrow: 'none', ...(hasFailed ? withLane(scale) : scale) },
    fy: {
      label: null,
      axis: null,
      domain: tracks.map(({ policy }) => policy),
      paddingInner: tracks.length > 1 ? gap / (panelHeight + gap) : 0,
      paddingOuter: 0,
    },
    symbol: { type: 'identity' },
    marks: [
      Plot.rect(spans, { fy: 'track', x1: 'from', x2: 'to', fill: '#f1ecdf' }),
      Plot.text(titles, {
        fy: 'track',
        text: 'title',
        frameAnchor: 'top-left',
        lineAnchor: 'bottom',
        dy: -7,
        fontWeight: 'bold',
      }),
      Plot.ruleY([deadlineMs], { stroke: red, strokeDasharray: '5 3' }),
      Plot.dot(answered, { fy: 'track', x: 's', y: 'ms', fill: 'color', symbol: 'symbol', r: 2.2 }),
      // Beside the panel, where no request is drawn.
      Plot.text(titles, {
        fy: 'track',
        y: () => deadlineMs,
        text: () => `deadline ${msText(deadlineMs)}`,
        frameAnchor: 'right',
        textAnchor: 'start',
        dx: 6,
        fill: red,
      }),
      ...(hasFailed
        ? [
            Plot.ruleY(titles, { fy: 'track', y: () => scale.domain[1], stroke: '#ccc' }),
            Plot.text(titles, {
              fy: 'track',
              text: () => 'failed',
              frameAnchor: 'top-left',
              textAnchor: 'end',
              lineAnchor: 'middle',
              dx: -9,
              dy: laneHeight / 2,
              fill: red,
            }),
            Plot.dot(failed, {
              fy: 'track',
              x: 's',
              frameAnchor: 'top',
              dy: laneHeight / 2,
              symbol: 'times',
              stroke: red,
              strokeWidth: 1.5,
              r: 3.5,
            }),
          ]
        : []),
      Plot.text(empty, {
        fy: 'track',
        text: () => 'no request was answered',
        frameAnchor: 'bottom',
        dy: -10,
      }),
      Plot.frame({ stroke: '#ccc' }),
    ],
  });
  figure.setAttribute('xmlns', 'http://www.w3.org/2000/svg');
  figure.setAttribute('role', 'img');
  figure.setAttribute(
    'aria-label',
    'Every request over time, by policy and level: its latency, or that it failed',
  );
  const svg: string = figure.outerHTML;
  return svg.replace(/^<svg[^>]*>/, (start) => `${start}${legend.svg}`);
}
