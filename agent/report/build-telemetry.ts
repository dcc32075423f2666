import type { Manifest } from '../../bundle/manifest.ts';
import type { Telemetry } from '../../wire/telemetry.ts';
import type { Reading } from '../sense/sensor.ts';
import type { StatsWindow } from '../serve/request-stats.ts';

/** Readings of one name are told apart by their labels: `temperature.thermal_zone0.cpu-thermal`. */
function wireReading({ name, value, unit, labels }: Reading): Telemetry['readings'][number] {
  return { name: [name, ...Object.values(labels ?? {})].join('.').slice(0, 100), value, unit };
}

/** One window of requests and the present readings, as the wire carries them. */
export function buildTelemetry(options: {
  window: StatsWindow;
  manifest: Manifest;
  readings: readonly Reading[];
  state: Pick<Telemetry, 'level' | 'policy' | 'slowdown' | 'queueDepth' | 'deadlineMs'>;
}): Telemetry {
  const { window, manifest, readings, state } = options;
  const levelShare = window.byLevel.map((count) => (window.requests > 0 ? count / window.requests : 0));
  const accuracies = manifest.levels.map((level) => level.accuracy?.value);
  const known = accuracies.every((value) => value !== undefined);
  return {
    ...state,
    windowS: Math.max(1e-3, window.windowMs / 1000),
    requests: window.requests,
    deadlineHits: window.deadlineHits,
    latencyP50Ms: window.latencyP50Ms,
    latencyP99Ms: window.latencyP99Ms,
    levelShare,
    expectedAccuracy:
      known && window.requests > 0
        ? levelShare.reduce((sum, share, level) => sum + share * (accuracies[level] ?? 0), 0)
        : null,
    rejected: window.rejected,
    readings: readings.map(wireReading),
  };
}
