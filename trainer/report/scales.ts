import type * as Plot from '@observablehq/plot';

/** Multiply-accumulates on a log axis, in millions or thousands. */
export function macsScale(macs: number[], label: string): { scale: Plot.ScaleOptions; unit: number } {
  const unit = Math.max(...macs) >= 1e6 ? 1e6 : 1e3;
  // Room at both ends, the more where there is one point alone.
  const room = Math.max(1.12, (1.6 * Math.min(...macs)) / Math.max(...macs));
  const domain: [number, number] = [Math.min(...macs) / unit / room, (Math.max(...macs) / unit) * room];
  return {
    unit,
    scale: {
      type: 'log',
      label: `${label} (${unit === 1e6 ? 'millions' : 'thousands'})`,
      domain,
      ticks: logTicks(domain),
      tickFormat: (value: number) => value.toLocaleString('en-US', { maximumSignificantDigits: 3 }),
    },
  };
}

const mantissas = [
  [1],
  [1, 3],
  [1, 2, 5],
  [1, 1.5, 2, 3, 5, 7],
  [1, 1.2, 1.4, 1.6, 1.8, 2, 2.5, 3, 3.5, 4, 5, 6, 7, 8, 9],
];
const mostTicks = 7;

/** Round numbers inside the domain: of the finest row of them that leaves room for labels. */
function logTicks([low, high]: [number, number]): number[] {
  const decades = Array.from(
    { length: Math.floor(Math.log10(high)) - Math.floor(Math.log10(low)) + 1 },
    (_, i) => Math.floor(Math.log10(low)) + i,
  );
  const rows = mantissas.map((row) =>
    decades
      .flatMap((decade) => row.map((mantissa) => Number(`${mantissa}e${decade}`)))
      .filter((tick) => tick >= low && tick <= high),
  );
  return rows.findLast((ticks) => ticks.length <= mostTicks) ?? rows[0];
}

/** Latencies on a log axis that holds all of them and a little more, whatever their size. */
export function latencyScale(latenciesMs: number[]): Plot.ScaleOptions & { domain: [number, number] } {
  // A log axis has no zero.
  const values = latenciesMs.map((ms) => Math.max(ms, 0.001));
  const domain: [number, number] = [Math.min(...values) / 1.25, Math.max(...values) * 1.25];
  return {
    type: 'log',
    label: 'latency (ms, log scale)',
    domain,
    ticks: logTicks(domain),
    tickFormat: (value: number) => value.toLocaleString('en-US', { maximumSignificantDigits: 3 }),
  };
}

/** Percent of right answers with some room, not from 0: differences between levels are small. */
export function accuracyScale(percents: number[], label: string): Plot.ScaleOptions {
  const low = Math.min(...percents);
  const high = Math.max(...percents);
  const room = Math.max(0.5, 0.08 * (high - low));
  return { label: `${label} (%)`, domain: [Math.max(0, low - room), Math.min(100, high + room)], ticks: 6 };
}
