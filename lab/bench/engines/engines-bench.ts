import { existsSync } from 'node:fs';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { encodeModel } from '../../../bundle/onnx/encode-model.ts';
import type { OnnxModel } from '../../../bundle/onnx/model.ts';
import { silenceTelemetry } from '../../../engine/ort/silence-telemetry.ts';
import { planLevels } from '../../../engine/sparse/plan/plan-levels.ts';
import { addonPath, loadNativeKernels } from '../../../engine/sparse/runtime/native-runtime.ts';
import type { Runtime } from '../../../engine/sparse/runtime/runtime.ts';
import { readWasmBuilds } from '../../../engine/sparse/runtime/wasm-module.ts';
import { openWasmRuntime } from '../../../engine/sparse/runtime/wasm-runtime.ts';
import { createRandom } from '../../../trainer/random.ts';
import { describeMachine } from '../describe-machine.ts';
import { countMacs } from './count-macs.ts';
import { startPeakThreads } from './peak-threads.ts';

export type EnginesBenchOptions = {
  /** Levels, densest first. */
  models: OnnxModel[];
  threads: number[];
  /** Runs that are counted, of each engine, level and number of threads. */
  runs: number;
  /** Every build of the native kernels that this processor can run, instead of the best alone. */
  everyBuild?: boolean;
  /** Length of a turn at most. Default 200. */
  turnMs?: number;
  signal?: AbortSignal;
  onProgress?: (text: string) => void;
};

/** One level on one engine. */
export type EngineTime = {
  level: number;
  engine: string;
  threads: number;
  /** Median of single runs, batch 1. */
  p50Us: number;
  /** On nonzero weights, a multiply-add being two operations. */
  gflops: number;
  /** Of what the machine does on registers alone with the engine's instructions; onnxruntime's are taken to be the best. */
  peakShare: number;
  /** How often it fits into onnxruntime's time for the densest level with as many threads. */
  speedup: number;
};

export type EnginesBenchResult = {
  machine: string;
  /** GFLOP/s of one core on registers alone, by build. */
  peaks: { build: string; gflops: number }[];
  /** How much more several threads do than one on registers alone, in the same run: what the machine leaves an engine to gain. */
  gains: { threads: number; gain: number }[];
  levels: { sparsity: number; macs: number }[];
  times: EngineTime[];
  /** Words of the sparse engine's image, for all levels together and for the densest alone. */
  imageBytes: { all: number; densest: number };
};

type Contestant = {
  level: number;
  engine: string;
  threads: number;
  run: () => Promise<unknown> | unknown;
  timesUs: number[];
};

/**
 * Times every level on every engine, in turns of a few runs, so that a machine that slows down meanwhile slows all of them alike. Calls the
 * engines directly, without the inference thread around them.
 */
export async function runEnginesBench(options: EnginesBenchOptions): Promise<EnginesBenchResult> {
  const { models, threads, runs, turnMs = 200, signal, onProgress = () => {} } = options;
  silenceTelemetry();
  const plan = planLevels(models);
  const [first] = models;
  const shape = (first?.inputs[0]?.shape ?? []).slice(1) as number[];
  const random = createRandom(1);
  const input = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => random.normal());
  const contestants: Contestant[] = [];
  const closers: (() => unknown)[] = [];
  const add = (level: number, engine: string, count: number, run: Contestant['run']) =>
    contestants.push({ level, engine, threads: count, run, timesUs: [] });

  for (const count of threads)
    for (const [level, model] of models.entries()) {
      const session = await InferenceSession.create(encodeModel(model), {
        graphOptimizationLevel: 'all',
        intraOpNumThreads: count,
        interOpNumThreads: 1,
        logSeverityLevel: 3,
      });
      closers.push(() => session.release());
      const tensor = new Tensor('float32', input, [1, ...shape]);
      add(level, 'ort', count, () => session.run({ [model.inputs[0]?.name ?? '']: tensor }));
    }
  const runtimes: Runtime[] = readWasmBuilds().map((build) => openWasmRuntime(plan, { build }));
  const native = existsSync(addonPath) ? loadNativeKernels() : undefined;
  const builds = native?.instructions.slice(0, options.everyBuild ? undefined : 1) ?? [];
  if (native) runtimes.unshift(...builds.map((instructions) => native.open(plan, instructions)));
  for (const runtime of runtimes) {
    closers.push(() => runtime.close());
    for (const count of threads.filter((wanted) => wanted <= runtime.maxThreads))
      for (const level of models.keys())
        add(level, runtime.name, count, () => runtime.run(level, input, 1, count));
  }

  const machine = new Map<number, Contestant>();
  for (const count of threads.some((wanted) => wanted > 1) ? new Set([1, ...threads]) : []) {
    if (native === undefined) break;
    const peak = startPeakThreads(native, count);
    closers.push(() => peak.close());
    machine.set(count, { level: 0, engine: 'registers', threads: count, run: peak.run, timesUs: [] });
  }

  try {
    await takeTurns([...contestants, ...machine.values()], { runs, turnMs, onProgress, signal });
  } finally {
    for (const close of closers) await close();
  }
  const peaks = (native?.instructions ?? []).map((instructions) => ({
    build: `native-${instructions}`,
    gflops: peakOf((rounds) => native?.peak(instructions, rounds) ?? 0),
  }));
  const macs = models.map(countMacs);
  const median = ({ timesUs }: Contestant) =>
    timesUs.toSorted((a, b) => a - b)[timesUs.length >> 1] ?? Number.NaN;
  const dense = new Map(
    contestants
      .filter(({ level, engine }) => level === 0 && engine === 'ort')
      .map((entry) => [entry.threads, median(entry)]),
  );
  const best = peaks[0]?.gflops ?? Number.NaN;
  const alone = machine.get(1);
  return {
    machine: describeMachine(),
    peaks,
    gains: Array.from(machine.values())
      .filter((entry) => entry !== alone)
      .map((entry) => ({
        threads: entry.threads,
        gain: (entry.threads * (alone ? median(alone) : Number.NaN)) / median(entry),
      })),
    levels: models.map((model, level) => ({ sparsity: sparsityOf(model), macs: macs[level] ?? 0 })),
    times: contestants.map((entry) => {
      const p50Us = median(entry);
      const gflops = (2 * (macs[entry.level] ?? 0)) / p50Us / 1e3;
      const peakShare = gflops / entry.threads / best;
      const { level, engine, threads: count } = entry;
      return {
        level,
        engine,
        threads: count,
        p50Us,
        gflops,
        peakShare,
        speedup: (dense.get(count) ?? Number.NaN) / p50Us,
      };
    }),
    imageBytes: { all: plan.image.byteLength, densest: planLevels(models.slice(0, 1)).image.byteLength },
  };
}

/**
 * Turns of about `turnMs` keep caches warm, and threads awake, for the one whose turn it is, as they are on a device; each has ten turns at
 * least.
 */
async function takeTurns(
  contestants: Contestant[],
  options: {
    runs: number;
    turnMs: number;
    onProgress: (text: string) => void;
    signal: AbortSignal | undefined;
  },
): Promise<void> {
  const { runs, turnMs, onProgress, signal } = options;
  const turnOf = new Map<Contestant, number>();
  for (const contestant of contestants) {
    const startMs = performance.now();
    for (let i = 0; i < 5; i += 1) await contestant.run();
    const runMs = (performance.now() - startMs) / 5;
    turnOf.set(contestant, Math.max(1, Math.min(Math.round(turnMs / runMs), Math.floor(runs / 10))));
  }
  const left = new Set(contestants);
  while (left.size > 0) {
    for (const contestant of left) {
      signal?.throwIfAborted();
      // What the one before has left in the caches is not counted.
      await contestant.run();
      for (let i = 0; i < (turnOf.get(contestant) ?? 1) && contestant.timesUs.length < runs; i += 1) {
        const startMs = performance.now();
        await contestant.run();
        contestant.timesUs.push((performance.now() - startMs) * 1000);
      }
      if (contestant.timesUs.length >= runs) left.delete(contestant);
    }
    onProgress(`${contestants.length - left.size} of ${contestants.length} are measured`);
  }
}

function peakOf(peak: (rounds: number) => number): number {
  peak(1e6);
  const rates = Array.from({ length: 5 }, () => {
    const startMs = performance.now();
    return (2 * peak(5e6)) / (performance.now() - startMs) / 1e6;
  });
  return Math.max(...rates);
}

/** Share of zeros among the weights of convolutions and matrices. */
function sparsityOf(model: OnnxModel): number {
  const weights = model.initializers
    .filter(({ dims }) => dims.length >= 2)
    .flatMap(({ data }) => [data as Float32Array]);
  const count = weights.reduce((sum, { length }) => sum + length, 0);
  const zeros = weights.reduce((sum, data) => sum + data.reduce((n, value) => n + Number(value === 0), 0), 0);
  return count > 0 ? zeros / count : 0;
}
