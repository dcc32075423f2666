import * as Plot from '@observablehq/plot';
import type { Chart } from '../../trainer/report/chart.ts';
import { latencyScale } from '../../trainer/report/scales.ts';
import { failureSeries, seriesOf } from '../../trainer/report/series.ts';
import type { Simulated } from './simulate.ts';
import type { Trace } from './trace.ts';

/** More points than these say no more, and make the page large. */
const mostPoints = 3000;

const timeScale = (durationMs: number): Plot.ScaleOptions => ({
  label: 'time (s)',
  domain: [0, durationMs / 1000],
  ticks: 8,
});

/** @param isKept true for what is always shown */
function thin<T>(values: T[], isKept: (value: T) => boolean = () => false): T[] {
  const step = Math.ceil(values.length / mostPoints);
  return step <= 1 ? values : values.filter((value, i) => i % step === 0 || isKept(value));
}

/**
 * Latency of every request, by the level that answered it, with the deadline as a line; above them those that were refused. Late ones
 * are never thinned out.
 */
export function latencyChart(
  result: Simulated,
  { durationMs, deadlineMs }: { durationMs: number; deadlineMs: number },
): Chart {
  const series = seriesOf(result.byLevel.map((_, level) => `level ${level}`));
  const dots = thin(result.answers, (one) => one.latencyMs > deadlineMs).map(
    ({ atMs, latencyMs, level }) => ({
      s: atMs / 1000,
      ms: latencyMs,
      color: series[level].color,
      symbol: series[level].symbol,
    }),
  );
  const refused = result.refusalsMs.map((atMs) => ({ s: atMs / 1000 }));
  const scale = latencyScale([deadlineMs, ...dots.map(({ ms }) => ms)]);
  const [low, high] = scale.domain;
  const hasRefused = refused.length > 0;
  return {
    description:
      'Latency of every request over time, by level, with the deadline, and those that were refused',
    series: hasRefused ? [...series, failureSeries(`refused (${refused.length})`)] : series,
    x: timeScale(durationMs),
    // Room for the refused above all latencies.
    y: hasRefused ? { ...scale, domain: [low, high * (high / low) ** 0.06] } : scale,
    marks: [
      Plot.dot(dots, {
        x: 's',
        y: 'ms',
        fill: (one: { color: string }) => one.color,
        symbol: (one: { symbol: string }) => one.symbol,
        r: 1.8,
      }),
      Plot.ruleY([deadlineMs], { stroke: '#c22', strokeDasharray: '5 3' }),
      Plot.dot(refused, {
        x: 's',
        frameAnchor: 'top',
        dy: 5,
        symbol: 'times',
        stroke: '#b00020',
        strokeWidth: 1.5,
        r: 3,
      }),
    ],
  };
}

/** The active level over time. */
export function levelChart(result: Simulated, durationMs: number): Chart {
  const last = result.byLevel.length - 1;
  const first = result.swaps[0]?.from ?? result.answers[0]?.level ?? 0;
  const steps = [
    { s: 0, level: first },
    ...result.swaps.map(({ atMs, to }) => ({ s: atMs / 1000, level: to })),
    { s: durationMs / 1000, level: result.swaps.at(-1)?.to ?? first },
  ];
  const series = seriesOf(['active level']);
  return {
    description: 'The active level over time; 0 is the densest',
    series,
    x: timeScale(durationMs),
    y: { label: 'level', domain: [last + 0.3, -0.3], ticks: last + 1, tickFormat: 'd' },
    marks: [
      Plot.lineY(steps, { x: 's', y: 'level', curve: 'step-after', stroke: series[0].color, strokeWidth: 2 }),
    ],
  };
}

/** What the device goes through: slowdown, contenders, requests a second. */
export function conditionsChart(trace: Trace): Chart {
  const series = seriesOf(['slowdown', 'contenders', 'requests a second / 10']);
  const { segments, durationMs } = trace;
  const last = segments[segments.length - 1];
  const points = thin([...segments, { ...last, atMs: durationMs }]);
  const lines = [
    points.map(({ atMs, slowdown }) => ({ s: atMs / 1000, value: slowdown })),
    points.map(({ atMs, contenders }) => ({ s: atMs / 1000, value: contenders })),
    points.map(({ atMs, requestsPerS }) => ({ s: atMs / 1000, value: requestsPerS / 10 })),
  ];
  const most = Math.max(1, ...lines.flat().map(({ value }) => value));
  return {
    description: 'Slowdown, contenders and requests a second over time',
    series,
    x: timeScale(durationMs),
    y: { label: 'factor, tasks', domain: [0, most * 1.1] },
    marks: lines.map((line, i) =>
      Plot.lineY(line, {
        x: 's',
        y: 'value',
        curve: 'step-after',
        stroke: series[i].color,
        strokeWidth: 1.5,
      }),
    ),
  };
}
