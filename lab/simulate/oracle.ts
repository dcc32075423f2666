import { createConditions } from './conditions.ts';
import { type Device, nextTemp, thermalSlowdown } from './device.ts';
import type { Segment, Trace } from './trace.ts';
import type { Workload } from './workload.ts';

export type OracleResult = {
  hits: number;
  /** Mean accuracy of the answers in time; NaN where there is none. */
  accuracy: number;
  /** Requests in time at each level. */
  byLevel: number[];
};

/** A way to have served the requests so far: when the server is free, and what was reached. */
type Path = { freeMs: number; hits: number; accuracy: number; before: Path | undefined; level: number };

/** Rounded to so fine a grid, towards earlier, where there are too many paths: the bound stays one. */
const gridMs = 0.01;
const manyPaths = 400;

/**
 * The most requests that anybody could answer in time, and the most accuracy that could be had with as many: it knows the trace and every
 * run's luck, chooses a level for each request, refuses without cost what would be late, and its own work does not heat the device.
 * Exact: all ways to serve the requests in their order are followed, but for those that another one beats in time and worth (dynamic
 * programming over Pareto-optimal states). An upper bound of every policy that serves in order.
 */
export function runOracle(options: {
  trace: Trace;
  workload: Workload;
  device: Device;
  deadlineMs: number;
}): OracleResult {
  const { trace, workload, device, deadlineMs } = options;
  const conditions = createConditions({ segments: coolest(trace, device) }, { sliceMs: device.sliceMs });
  let paths: Path[] = [{ freeMs: 0, hits: 0, accuracy: 0, before: undefined, level: -1 }];
  for (const [index, arrivalMs] of workload.arrivalsMs.entries()) {
    const dueMs = arrivalMs + deadlineMs - device.overheadMs;
    const next: Path[] = [];
    for (const path of paths) {
      const beginMs = Math.max(arrivalMs, path.freeMs);
      next.push({ ...path, freeMs: beginMs });
      for (const [level, { p50Ms, accuracy }] of device.levels.entries()) {
        if (beginMs + p50Ms * workload.factors[index] > dueMs) continue;
        const { endMs } = conditions.finish(beginMs, p50Ms * workload.factors[index]);
        if (endMs > dueMs) continue;
        next.push({
          freeMs: endMs,
          hits: path.hits + 1,
          accuracy: path.accuracy + accuracy,
          before: path,
          level,
        });
      }
    }
    paths = best(next, workload.arrivalsMs[index + 1] ?? Number.POSITIVE_INFINITY);
  }
  const last = paths[paths.length - 1];
  const byLevel = device.levels.map(() => 0);
  for (let path: Path | undefined = last; path?.before; path = path.before) byLevel[path.level] += 1;
  return { hits: last.hits, accuracy: last.accuracy / last.hits, byLevel };
}

const isWorthMore = (a: Path, b: Path) =>
  a.hits > b.hits || (a.hits === b.hits && a.accuracy > b.accuracy + 1e-12);

/** Those that no other one beats, earliest first; who is free before the next request comes is as good as who was free long before. */
function best(paths: Path[], nextMs: number): Path[] {
  const clamped = paths.map((path) => (path.freeMs < nextMs ? { ...path, freeMs: nextMs } : path));
  const grid = clamped.length > manyPaths ? gridMs : 0;
  const rounded =
    grid > 0 ? clamped.map((path) => ({ ...path, freeMs: Math.floor(path.freeMs / grid) * grid })) : clamped;
  rounded.sort((a, b) => a.freeMs - b.freeMs || (isWorthMore(a, b) ? -1 : 1));
  const kept: Path[] = [];
  for (const path of rounded) {
    const above = kept[kept.length - 1];
    if (!above || isWorthMore(path, above)) kept.push(path);
  }
  return kept;
}

const stepMs = 1000;

/** The trace with the slowdown that an idle device's heat would bring: less than that of any that works. */
function coolest(trace: Trace, device: Device): Segment[] {
  const { segments, durationMs } = trace;
  const at = createConditions(trace, { sliceMs: device.sliceMs }).at;
  let tempC = segments[0].ambientC + device.thermal.cPerW * device.idleW;
  const steps: number[] = [];
  for (let ms = 0; ms < durationMs + 10 * stepMs; ms += stepMs) {
    steps.push(thermalSlowdown(device, tempC));
    const { ambientC } = at(ms);
    tempC = nextTemp(device, { tempC, powerW: device.idleW, ambientC, elapsedMs: stepMs });
  }
  if (steps.every((slowdown) => slowdown === 1)) return segments;
  const times = new Set([...segments.map(({ atMs }) => atMs), ...steps.map((_, i) => i * stepMs)]);
  return [...times]
    .toSorted((a, b) => a - b)
    .map((atMs) => {
      const i = Math.min(steps.length - 1, Math.floor(atMs / stepMs));
      // The least of the step and its neighbours, so that the bound stays one whatever the steps of others are.
      const heat = Math.min(steps[Math.max(0, i - 1)], steps[i], steps[Math.min(steps.length - 1, i + 1)]);
      const segment = at(atMs);
      return { ...segment, atMs, slowdown: segment.slowdown * heat };
    });
}
