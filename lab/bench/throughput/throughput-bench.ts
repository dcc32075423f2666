import { execFile } from 'node:child_process';
import { availableParallelism, cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { quantile } from '../../../agent/quantile.ts';
import { formatTable } from '../../../terminal/table.ts';
import { missingNodeBackend } from '../../../trainer/backend/open-backend.ts';
import { channelStatistics, type DataSet, pixelScale, type Split } from '../../../trainer/data/data-set.ts';
import { createRandom } from '../../../trainer/random.ts';
import { completeSettings } from '../../../trainer/settings.ts';
import { train } from '../../../trainer/train.ts';
import { trainOptions } from '../../../trainer/train-options.ts';

export type ThroughputOptions = {
  /** Height, width and channels of an image. */
  shape: [number, number, number];
  batch: number;
  /** Steps of one turn; the first quarter warms up and is not counted. */
  steps: number;
  /** Each round gives every contestant a turn. */
  rounds: number;
  /** A Python with torch for the reference. */
  python: string;
  signal: AbortSignal;
};

export type ThroughputRow = { name: string; imagesPerSecond: number[] };

export type ThroughputResult = {
  machine: string;
  shape: [number, number, number];
  batch: number;
  rows: ThroughputRow[];
  /** Why a contestant is missing. */
  missing: string[];
};

type Contestant = { name: string; turn: () => Promise<number[]> };

/** Images a second of whole training steps of resnet8: the back ends here, and PyTorch on the CPU where it is. */
export async function runThroughputBench(options: ThroughputOptions): Promise<ThroughputResult> {
  const { shape, batch, steps, rounds } = options;
  const cores = availableParallelism();
  const data = randomImages(shape, 4 * batch);
  const missing: string[] = [];
  const contestants: Contestant[] = [];
  const ours = (backend: 'node' | 'wasm', workers: number) =>
    contestants.push({
      name: `${backend}, ${workers} ${workers === 1 ? 'worker' : 'workers'}`,
      turn: () => stepMilliseconds(data, { ...options, backend, workers }),
    });
  for (const workers of new Set([1, cores])) ours('wasm', workers);
  const absent = missingNodeBackend();
  if (absent === undefined) for (const workers of new Set([1, cores])) ours('node', workers);
  else missing.push(`node: ${absent}`);
  const absentTorch = await missingTorch(options.python);
  if (absentTorch === undefined)
    for (const layout of ['', 'channels last'])
      contestants.push({
        name: `PyTorch, ${cores} threads${layout && `, ${layout}`}`,
        turn: () => torchMilliseconds(options, cores, layout !== ''),
      });
  else missing.push(`PyTorch: ${absentTorch}`);

  const rows = contestants.map(({ name }): ThroughputRow => ({ name, imagesPerSecond: [] }));
  for (let round = 0; round < rounds; round += 1) {
    // Back and forth, so that a machine that warms up or slows down favours nobody.
    const order = round % 2 === 0 ? [...contestants.keys()] : [...contestants.keys()].toReversed();
    for (const index of order) {
      options.signal.throwIfAborted();
      const counted = (await contestants[index].turn()).slice(Math.ceil(steps / 4));
      rows[index].imagesPerSecond.push((1000 * batch) / quantile(counted, 0.5));
    }
  }
  return { machine: `${cpus()[0]?.model ?? 'unknown CPU'}, ${cores} cores`, shape, batch, rows, missing };
}

function randomImages([height, width, channels]: [number, number, number], count: number): DataSet {
  const random = createRandom(1);
  const split: Split = {
    inputs: Uint8Array.from({ length: count * height * width * channels }, () => random.below(256)),
    labels: Uint16Array.from({ length: count }, (_, i) => i % 10),
    count,
  };
  return {
    name: 'random',
    labels: Array.from({ length: 10 }, (_, i) => String(i)),
    height,
    width,
    channels,
    train: split,
    test: split,
    ...channelStatistics(split, channels, pixelScale),
    augment: { pad: 2, flip: true },
  };
}

async function stepMilliseconds(
  data: DataSet,
  options: ThroughputOptions & { backend: 'node' | 'wasm'; workers: number },
): Promise<number[]> {
  const { batch, steps, backend, workers, signal } = options;
  const epochs = (steps * batch) / data.train.count;
  const settings = completeSettings({ data: 'random', levels: '0', epochs, batch, backend });
  const ends: number[] = [];
  const onStep = () => void ends.push(performance.now());
  await train(data, { ...trainOptions(settings, data, backend), workers }, { onStep, signal });
  return ends.slice(1).map((endMs, i) => endMs - ends[i]);
}

const script = fileURLToPath(new URL('../../../../lab/bench/throughput/torch_reference.py', import.meta.url));

async function missingTorch(python: string): Promise<string | undefined> {
  try {
    await promisify(execFile)(python, ['-c', 'import torch']);
    return undefined;
  } catch {
    return `"${python}" has no torch; give --python one that has (pip install torch)`;
  }
}

async function torchMilliseconds(
  { shape, batch, steps, python }: ThroughputOptions,
  threads: number,
  channelsLast: boolean,
): Promise<number[]> {
  const args = [script, '--batch', batch, '--steps', steps, '--threads', threads, '--shape', ...shape].map(
    String,
  );
  const { stdout } = await promisify(execFile)(python, channelsLast ? [...args, '--channels-last'] : args);
  return JSON.parse(stdout) as number[];
}

export function formatThroughputBench({ machine, shape, batch, rows, missing }: ThroughputResult): string {
  const reference = rows.find(({ name }) => name.startsWith('PyTorch'));
  const median = (row: ThroughputRow) => quantile(row.imagesPerSecond, 0.5);
  const table = formatTable(
    [
      { head: 'trainer' },
      { head: 'images/s', align: 'right' },
      { head: 'lowest', align: 'right' },
      { head: 'highest', align: 'right' },
      { head: 'of PyTorch', align: 'right' },
    ],
    rows.map((row) => [
      row.name,
      median(row).toFixed(0),
      Math.min(...row.imagesPerSecond).toFixed(0),
      Math.max(...row.imagesPerSecond).toFixed(0),
      reference ? (median(row) / median(reference)).toFixed(2) : '',
    ]),
  );
  return [
    `resnet8, batch ${batch}, images of ${shape.join(' x ')}, median of ${rows[0].imagesPerSecond.length} rounds; ${machine}`,
    '',
    table,
    ...missing.map((reason) => `missing: ${reason}`),
  ].join('\n');
}
