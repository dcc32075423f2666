import { join } from 'node:path';
import { loadProfile } from '../../../agent/profile/load-profile.ts';
import { applyFlags } from '../../../agent/profile-options.ts';
import { readBundle } from '../../../bundle/read-bundle.ts';
import { writeFileAtomic } from '../../../bundle/write-file-atomic.ts';
import { snakeJson } from '../../../terminal/snake-json.ts';
import { openData } from '../../../trainer/data/open-data.ts';
import { checkFit } from '../../../trainer/eval-command.ts';
import { createRandom, mixSeed } from '../../../trainer/random.ts';
import { calibrateBundle } from '../../drive/calibrate-bundle.ts';
import { inRunFolder } from '../../drive/in-run-folder.ts';
import { trainBundle } from '../../drive/train-bundle.ts';
import { poissonArrivals } from '../../load/arrivals.ts';
import { measureCapacity } from '../../load/measure-capacity.ts';
import { openStressor, type Stressor, type StressorName } from '../../stress/stressors.ts';
import type { PhaseRow } from '../../track/phase-table.ts';
import { drawTimeline } from '../../track/timeline.ts';
import { describeMachine } from '../describe-machine.ts';
import { type AgentUnderTest, withAgent } from './agent-under-test.ts';
import { fewestRequests, judgeReaction, type Reaction } from './reaction.ts';
import { runPolicies, warmUp } from './run-policies.ts';

/** Requests that are under way while the capacity is measured: one is computed while the next one is on its way. */
const capacityInFlight = 2;
const capacityS = 4;

export type LoopBenchOptions = {
  /** Run folder: calibration, logs, pictures, `result.json`. */
  out: string;
  /** Absent: a small one is trained. */
  bundle?: string;
  /** Path of the key that `bundle` must be signed with. */
  publicKey?: string;
  /** SPEC of the data that is sent, and trained on where there is no bundle. */
  data: string;
  levels: string;
  epochs: number;
  /** Inputs in a request. */
  batch: number;
  /** Share of the densest level's capacity at which requests come. */
  load: number;
  /** The deadline over the densest level's calibrated median. */
  slack: number;
  /** In place of that. */
  deadlineMs?: number;
  /** Absent: all that this machine can. */
  stressors?: readonly StressorName[];
  /** Processes that each want a whole core. */
  processes: number;
  calmS: number;
  stressS: number;
  afterS: number;
  rounds: number;
  seed: number;
  say: (line: string) => void;
  signal: AbortSignal;
};

export type LoopRow = PhaseRow & { stressor: StressorName; round: number };
export type LoopReaction = Reaction & { stressor: StressorName; round: number };

export type LoopBenchResult = {
  machine: string;
  model: string;
  batch: number;
  /** Calibrated, by level. */
  medianMs: number[];
  calibrationWarning?: string;
  capacityPerS: number;
  requestsPerS: number;
  deadlineMs: number;
  /** CPU that the load generator itself used while it sent, in cores. */
  generatorCores: number;
  stressors: { name: StressorName; what: string }[];
  /** Stressors that this machine cannot have, with the cure. */
  missing: { name: StressorName; why: string }[];
  rows: LoopRow[];
  reactions: LoopReaction[];
  /** SVGs of the first round: every request's latency over time. */
  pictures: string[];
};

async function openStressors(
  options: LoopBenchOptions,
): Promise<{ found: Stressor[]; missing: LoopBenchResult['missing'] }> {
  const found: Stressor[] = [];
  const missing: LoopBenchResult['missing'] = [];
  for (const name of options.stressors ?? (['cpu', 'stream', 'quota'] as const)) {
    try {
      found.push(await openStressor(name, { processes: options.processes, root: '/' }));
    } catch (error) {
      const why = `Cannot stress by "${name}" as ${(error as Error).message}`;
      if (options.stressors) throw new Error(why, { cause: error });
      options.say(why);
      missing.push({ name, why });
    }
  }
  if (found.length === 0)
    throw new Error(
      `${missing.map(({ why }) => why).join('\n')}\nor take --stressor spin, which needs nothing`,
    );
  return { found, missing };
}

/**
 * The closed loop on this machine: Poisson arrivals (MLPerf's Server scenario) at a share of the densest level's capacity, while something
 * takes the CPU for a while: adaptive against fixed.
 * @throws Error where a step fails; all that was started is stopped then.
 */
export function runLoopBench(options: LoopBenchOptions): Promise<LoopBenchResult> {
  return inRunFolder(options.out, () => runSteps(options));
}

async function runSteps(options: LoopBenchOptions): Promise<LoopBenchResult> {
  const { out, batch, load, slack, calmS, stressS, afterS, rounds, seed, say, signal } = options;
  const { found, missing } = await openStressors(options);
  const dir = options.bundle ?? (await trainBundle(options));
  // What was trained here just now is not signed yet.
  const publicKey = options.bundle === undefined ? undefined : options.publicKey;
  const bundle = await readBundle(dir, { publicKey });
  const { manifest } = bundle;
  const data = await openData(options.data, { signal: options.signal });
  checkFit(dir, manifest, data, 'measure');
  const split = data.test;
  if (split.count < batch)
    throw new Error(
      `Cannot send requests of ${batch} inputs as the test split must have as many: "${data.name}" has ${split.count}; lower --batch`,
    );
  const cache = join(out, 'cache');
  const profile = applyFlags(await loadProfile('x86'), { batch });
  const { calibration, warning } = await calibrateBundle({ bundle, profile, cacheDir: cache, signal });
  const medianMs = calibration.levels.map(({ p50Ms }) => p50Ms);
  const deadlineMs = options.deadlineMs ?? Math.ceil(medianMs[0] * slack);
  const agent: AgentUnderTest = { bundle: dir, manifest, split, batch, deadlineMs, cache, out, say };
  say('measuring the capacity of level 0');
  const levelCount = medianMs.length;
  const capacityPerS = await withAgent({ ...agent, fixedLevel: 0 }, async (serving) => {
    await warmUp(serving, levelCount, signal);
    const { send } = serving;
    return measureCapacity({ inFlight: capacityInFlight, durationS: capacityS, send, signal });
  });
  const requestsPerS = load * capacityPerS;
  // Of a Poisson process half as many as are expected hardly ever come.
  if (requestsPerS * stressS < 2 * fewestRequests)
    throw new Error(
      `Cannot judge the levels as at least ${2 * fewestRequests} requests must be expected under stress: ${requestsPerS.toFixed(1)} a second for ${stressS} s are fewer; lower --batch or raise --stress-seconds`,
    );
  const [rows, reactions, pictures] = [[] as LoopRow[], [] as LoopReaction[], [] as string[]];
  const startedMs = performance.now();
  const cpuBefore = process.cpuUsage();
  for (const stressor of found)
    for (let round = 1; round <= rounds; round += 1) {
      const durationS = calmS + stressS + afterS;
      const random = createRandom(mixSeed(seed, 'arrivals', round));
      const arrivalsMs = poissonArrivals({ requestsPerS, durationS, random });
      const tracks = await runPolicies({ ...options, agent, stressor, arrivalsMs, levels: levelCount });
      const of = { stressor: stressor.name, round };
      for (const track of tracks) rows.push(...track.rows.map((row) => ({ ...row, ...of })));
      const [adaptive, ...fixed] = tracks;
      reactions.push({ ...judgeReaction({ adaptive, fixed, deadlineMs, levels: levelCount }), ...of });
      if (round > 1) continue;
      const picture = join(out, `loop-${stressor.name}.svg`);
      await writeFileAtomic(picture, drawTimeline(tracks, { deadlineMs, levels: levelCount }));
      pictures.push(picture);
    }
  const used = process.cpuUsage(cpuBefore);
  const result: LoopBenchResult = {
    machine: describeMachine(),
    model: manifest.name,
    batch,
    medianMs,
    ...(warning === undefined ? {} : { calibrationWarning: warning }),
    capacityPerS,
    requestsPerS,
    deadlineMs,
    generatorCores: (used.user + used.system) / 1000 / (performance.now() - startedMs),
    stressors: found.map(({ name, what }) => ({ name, what })),
    missing,
    rows,
    reactions,
    pictures,
  };
  await writeFileAtomic(join(out, 'result.json'), `${snakeJson(result, 2)}\n`);
  return result;
}
