import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseProfile } from '../../agent/profile/load-profile.ts';
import { drawBatteryScenarios, runBatteryScenario } from '../../lab/simulate/battery-scenarios.ts';
import { compare, createPolicy, type PolicyName, policyNames } from '../../lab/simulate/compare.ts';
import { createConditions } from '../../lab/simulate/conditions.ts';
import { demoDevice } from '../../lab/simulate/device.ts';
import { drawTraces } from '../../lab/simulate/draw-traces.ts';
import { runOracle } from '../../lab/simulate/oracle.ts';
import { readTrace } from '../../lab/simulate/read-trace.ts';
import { recordTrace } from '../../lab/simulate/record-trace.ts';
import { readShippedTraces } from '../../lab/simulate/shipped-traces.ts';
import { simulate } from '../../lab/simulate/simulate.ts';
import { type Trace, traceSchema } from '../../lab/simulate/trace.ts';
import { latencyChart } from '../../lab/simulate/trace-charts.ts';
import { writeTracePage } from '../../lab/simulate/trace-page.ts';
import { drawWorkload, type Workload } from '../../lab/simulate/workload.ts';
import { htmlChart } from '../../trainer/report/chart.ts';
import { temporaryFolder } from '../temporary-folder.ts';

const profile = parseProfile('', { name: 'test' });
const device = demoDevice;
const { deadlineMs, intervalMs } = profile;

function run(trace: Trace, name: PolicyName, seed = 1) {
  const workload = drawWorkload(trace, device, seed);
  const policy = createPolicy(name, { device, profile });
  return simulate({ trace, workload, device, policy, deadlineMs, intervalMs, keepAnswers: true });
}

const segment = fc.record({
  lengthMs: fc.integer({ min: 1, max: 500 }),
  slowdown: fc.double({ min: 1, max: 8, noNaN: true }),
  contenders: fc.double({ min: 0, max: 4, noNaN: true }),
});

function toSegments(drawn: { lengthMs: number; slowdown: number; contenders: number }[]): Trace['segments'] {
  let atMs = 0;
  return drawn.map(({ lengthMs, slowdown, contenders }) => {
    const one = { atMs, slowdown, contenders, requestsPerS: 20, ambientC: 25 };
    atMs += lengthMs;
    return one;
  });
}

describe('the conditions of a trace', () => {
  it('take a slice, then let each contender have one', () => {
    const conditions = createConditions(
      { segments: [{ atMs: 0, slowdown: 1, contenders: 2, requestsPerS: 1, ambientC: 25 }] },
      { sliceMs: 4 },
    );
    expect(conditions.finish(10, 3)).toEqual({ endMs: 13, cpuMs: 3 });
    // Five slices of at most 4 ms, and four waits of 8 ms between them.
    expect(conditions.finish(10, 17)).toEqual({ endMs: 10 + 17 + 4 * 8, cpuMs: 17 });
    expect(conditions.meanContenders(0, 100)).toBe(2);
  });

  it('let no run that begins later, or is longer, end sooner', () => {
    fc.assert(
      fc.property(
        fc.array(segment, { minLength: 1, maxLength: 12 }),
        fc.double({ min: 0, max: 2000, noNaN: true }),
        fc.double({ min: 0, max: 300, noNaN: true }),
        fc.double({ min: 0.1, max: 40, noNaN: true }),
        fc.double({ min: 0, max: 20, noNaN: true }),
        (drawn, startMs, laterMs, workMs, moreMs) => {
          const conditions = createConditions({ segments: toSegments(drawn) }, { sliceMs: 4 });
          const { endMs } = conditions.finish(startMs, workMs);
          expect(conditions.finish(startMs + laterMs, workMs).endMs).toBeGreaterThanOrEqual(endMs - 1e-6);
          expect(conditions.finish(startMs, workMs + moreMs).endMs).toBeGreaterThanOrEqual(endMs - 1e-6);
        },
      ),
    );
  });
});

describe('simulate()', () => {
  const traces = drawTraces({ count: 10, seed: 3, durationS: 20 });

  it('answers or refuses every request, and its energy adds up', () => {
    for (const trace of traces)
      for (const name of policyNames) {
        const result = run(trace, name);
        expect(result.answered + result.refused).toBe(result.requests);
        expect(result.byLevel.reduce((sum, count) => sum + count, 0)).toBe(result.answered);
        expect(result.answers).toHaveLength(result.answered);
        const { idle, byLevel, total } = result.energyJ;
        expect(total).toBeCloseTo(
          byLevel.reduce((sum, one) => sum + one, idle),
          6,
        );
        expect(idle).toBeCloseTo((device.idleW * result.durationMs) / 1000, 6);
        expect(result.hits).toBeLessThanOrEqual(result.answered);
      }
  });

  it('gives the same for the same seed, and something else for another', () => {
    const [trace] = traces;
    expect(run(trace!, 'ebb')).toEqual(run(trace!, 'ebb'));
    expect(run(trace!, 'ebb', 2).requests).not.toBe(run(trace!, 'ebb').requests);
    expect(drawTraces({ count: 10, seed: 3, durationS: 20 })).toEqual(traces);
  });

  it('takes from a battery what it says that it took', () => {
    const [scenario] = drawBatteryScenarios({ count: 1, seed: 1, device, lastForMs: 600_000 });
    const policy = createPolicy('densest', { device, profile });
    const battery = { capacityWh: 1, startCharge: 1 };
    const result = simulate({ ...scenario!, device: { ...device, battery }, policy, deadlineMs, intervalMs });
    const capacityJ = battery.capacityWh * 3600;
    expect((1 - result.charge!) * capacityJ).toBeCloseTo(result.energyJ.total, 6);
  });

  it('heats a busy device, and throttles it', () => {
    const hot: Trace = {
      ...traces[0]!,
      name: 'hot',
      segments: [{ atMs: 0, slowdown: 1, contenders: 0, requestsPerS: 50, ambientC: 55 }],
      durationMs: 120_000,
    };
    const [dense, sparse] = [run(hot, 'densest'), run(hot, 'sparsest')];
    expect(dense.hottestC).toBeGreaterThan(device.thermal.throttleC);
    expect(sparse.hottestC).toBeLessThan(dense.hottestC);
  });
});

describe('the oracle', () => {
  /** All ways to serve the requests, refusals among them. */
  function bruteForce(workload: Workload, trace: Trace): { hits: number; accuracy: number } {
    const conditions = createConditions(trace, { sliceMs: device.sliceMs });
    const search = (index: number, freeMs: number): { hits: number; sum: number } => {
      const arrivalMs = workload.arrivalsMs[index];
      if (arrivalMs === undefined) return { hits: 0, sum: 0 };
      let most = search(index + 1, freeMs);
      for (const { p50Ms, accuracy } of device.levels) {
        const { endMs } = conditions.finish(Math.max(freeMs, arrivalMs), p50Ms * workload.factors[index]!);
        if (endMs + device.overheadMs > arrivalMs + deadlineMs) continue;
        const rest = search(index + 1, endMs);
        const found = { hits: rest.hits + 1, sum: rest.sum + accuracy };
        if (found.hits > most.hits || (found.hits === most.hits && found.sum > most.sum)) most = found;
      }
      return most;
    };
    const { hits, sum } = search(0, 0);
    return { hits, accuracy: sum / hits };
  }

  it('finds what trying all ways finds', () => {
    fc.assert(
      fc.property(
        fc.array(segment, { minLength: 1, maxLength: 4 }),
        fc.array(fc.double({ min: 0, max: 30, noNaN: true }), { minLength: 1, maxLength: 7 }),
        (drawn, gaps) => {
          let ms = 0;
          const arrivalsMs = Float64Array.from(gaps, (gap) => {
            ms += gap;
            return ms;
          });
          const workload = { arrivalsMs, factors: arrivalsMs.map((_, i) => 1 + (i % 3) / 4) };
          const segments = toSegments(drawn);
          const trace: Trace = {
            name: 'small',
            kind: 'small',
            source: '',
            durationMs: 1000,
            arrivals: 'poisson',
            segments,
          };
          const oracle = runOracle({ trace, workload, device, deadlineMs });
          const all = bruteForce(workload, trace);
          expect(oracle.hits).toBe(all.hits);
          if (all.hits > 0) expect(oracle.accuracy).toBeCloseTo(all.accuracy, 9);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('is beaten by no policy', () => {
    for (const trace of drawTraces({ count: 10, seed: 5, durationS: 20 })) {
      const oracle = runOracle({ trace, workload: drawWorkload(trace, device, 1), device, deadlineMs });
      for (const name of policyNames) expect(run(trace, name).hits).toBeLessThanOrEqual(oracle.hits);
    }
  });
});

it('over drawn and recorded traces ebb meets 99% of what the oracle meets, within a point of its accuracy, with fewer swaps than thresholds', async () => {
  const traces = [...drawTraces({ count: 20, seed: 11, durationS: 60 }), ...(await readShippedTraces())];
  const { overall } = await compare({ traces, device, profile, seed: 11 });
  const of = (policy: string) => overall.find((one) => one.policy === policy)!;
  expect(of('ebb').ofOracle).toBeGreaterThan(0.993);
  expect(of('ebb').accuracy).toBeGreaterThan(of('oracle').accuracy - 0.009);
  expect(of('ebb').swaps!).toBeLessThan(0.75 * of('thresholds').swaps!);
}, 120_000);

it('a battery lasts within 3% of what was asked for whenever the sparsest level could', () => {
  const scenarios = drawBatteryScenarios({ count: 4, seed: 2, device, lastForMs: 3_600_000 });
  for (const scenario of scenarios) {
    const { isPossible, lasted } = runBatteryScenario(scenario, profile);
    if (isPossible) expect(lasted.ebb).toBeGreaterThanOrEqual(0.97);
  }
}, 120_000);

describe('trace files', () => {
  const file = { version: 1, name: 'one', duration_s: 1, segments: [{ at_ms: 0, slowdown: 2 }] };

  it('are read from JSON and CSV', async () => {
    const dir = await temporaryFolder();
    await writeFile(join(dir, 'one.json'), JSON.stringify(file));
    const trace = await readTrace(join(dir, 'one.json'));
    expect(trace).toMatchObject({ name: 'one', durationMs: 1000, segments: [{ atMs: 0, slowdown: 2 }] });
    await writeFile(join(dir, 'My trace.csv'), 'at_ms,slowdown,contenders\n0,1,\n500,2,1.5\n');
    expect(await readTrace(join(dir, 'My trace.csv'))).toMatchObject({
      name: 'my-trace',
      durationMs: 1000,
      segments: [{ contenders: 0 }, { atMs: 500, slowdown: 2, contenders: 1.5 }],
    });
  });

  it('are refused with the key that is wrong', async () => {
    const dir = await temporaryFolder();
    const path = join(dir, 'wrong.json');
    for (const [wrong, message] of [
      [{ ...file, segments: [{ at_ms: 5 }] }, /segments: must begin at 0/],
      [{ ...file, slowness: 2 }, /slowness/],
      [{ ...file, segments: [{ at_ms: 0, slowdown: 0.5 }] }, /segments.0.slowdown/],
    ] as const) {
      await writeFile(path, JSON.stringify(wrong));
      await expect(readTrace(path)).rejects.toThrow(message);
    }
    await writeFile(path, '{');
    await expect(readTrace(path)).rejects.toThrow(/must be JSON or CSV/);
  });

  it('are recorded: how much longer than at its best a machine takes', async () => {
    let nowMs = 0;
    const work = (steps: number) => {
      nowMs += (steps / 1e5) * (nowMs > 60 && nowMs < 100 ? 3 : 1);
    };
    const clock = () => {
      nowMs += 0.001;
      return nowMs;
    };
    const recorded = await recordTrace({
      name: 'r',
      source: 's',
      seconds: 0.3,
      everyMs: 0,
      monotonicMs: clock,
      work,
    });
    const { segments } = traceSchema.parse(recorded);
    expect(Math.max(...segments.map(({ slowdown }) => slowdown))).toBeCloseTo(3, 1);
    expect(Math.min(...segments.map(({ slowdown }) => slowdown))).toBe(1);
  });
});

it('the page of a trace shows every refused request as a cross, and every late one', () => {
  const [trace] = drawTraces({ count: 1, seed: 1, durationS: 20 });
  const ended = run(trace!, 'densest');
  const answers = Array.from({ length: 7000 }, (_, i) => ({
    atMs: i,
    level: 0,
    latencyMs: i === 4001 ? 5000 : 10,
  }));
  const result = { ...ended, answers, refused: 2, refusalsMs: [500, 700] };
  const chart = htmlChart(latencyChart(result, { durationMs: 20_000, deadlineMs }));
  expect(chart.html).toContain('refused (2)');
  const marks = chart.html
    .match(/<g[^>]*aria-label="dot"[\s\S]*?<\/g>/g)!
    .map((g) => g.match(/<path/g)!.length);
  expect(marks).toEqual([Math.ceil(7000 / 3) + 1, 2]);
  const page = writeTracePage({ trace: trace!, result: ended, policy: 'densest', deadlineMs });
  expect(ended.refusalsMs).toHaveLength(ended.refused);
  expect(page.includes(`refused (${ended.refused})`)).toBe(ended.refused > 0);
});

it('the page of a trace needs no other file', () => {
  const [trace] = drawTraces({ count: 1, seed: 1, durationS: 20 });
  const page = writeTracePage({ trace: trace!, result: run(trace!, 'ebb'), policy: 'ebb', deadlineMs });
  expect(page).toContain('<svg');
  expect(page).not.toMatch(/<script|src=|href="http/);
  expect(page).not.toContain('NaN');
});
