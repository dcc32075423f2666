import type { Bundle } from '../../bundle/read-bundle.ts';
import { buildManifest, type NewBundle } from '../../bundle/write-bundle.ts';
import { openEngine } from '../../engine/open-engine.ts';
import type { DataSet } from '../data/data-set.ts';
import { type HeldOut, holdOut } from '../data/hold-out.ts';
import type { TrainedNet } from '../net/trained-net.ts';
import { type CalibrateOptions, calibrateNorms, type NormTrial } from './calibrate-norms.ts';
import { countCorrect } from './evaluate.ts';
import { encodeLevels } from './export-bundle.ts';
import { levelBetween } from './level-between.ts';
import type { NormSource } from './norm-choices.ts';
import { readTrainedNet } from './read-trained-net.ts';

/** Share of the training samples that the norms' source is chosen on. */
const heldOutShare = 0.05;

/** The seed says which samples are held out, too. */
export type AddLevelOptions = CalibrateOptions & { sparsity: number };

export type AddedLevel = {
  bundle: NewBundle;
  /** Its place among the levels. */
  level: number;
  chosen: NormSource;
  trials: NormTrial[];
};

/**
 * Adds a level between two others without training: its mask by rank of magnitude, its norms' scales and biases from the neighbours,
 * whichever way does best on training samples that were held out, their statistics taken anew. Its accuracy is counted on
 * the test split, which chooses nothing. The weights of all levels keep their bits; with granularity `channel` those of the denser levels
 * get a new order, and their accuracy is counted again.
 *
 * @throws Error where the bundle or the sparsity will not do; the signal's reason where it aborts.
 */
export async function addLevel(bundle: Bundle, data: DataSet, options: AddLevelOptions): Promise<AddedLevel> {
  const { sparsity, seed, signal, onProgress } = options;
  const { manifest } = bundle;
  const net = readTrainedNet(bundle);
  const between = levelBetween(
    net,
    manifest.levels.map((level) => level.sparsity),
    sparsity,
  );
  const held = normalised(holdOut(data, { share: heldOutShare, seed }), bundle);
  const { chosen, trials, level } = await calibrateNorms(net, between, held, options);
  const grown = { ...net, levels: net.levels.toSpliced(between.index, 0, level) };
  const added = assemble(bundle, grown, between.index);
  const counts = await countChanged(added, bundle, data, { signal, onProgress });
  for (const [index, accuracy] of counts) added.levels[index].accuracy = accuracy;
  return { bundle: added, level: between.index, chosen, trials };
}

/** Inputs must be what the levels were trained on, whatever share of the samples that training held out. */
function normalised(data: HeldOut, { dir, manifest }: Bundle): HeldOut {
  const { preprocessing } = manifest.input;
  if (preprocessing.mean.length !== data.channels)
    throw new Error(
      `Cannot take statistics for bundle "${dir}" as its samples must have ${preprocessing.mean.length} channels: current value of "${data.name}" is ${data.channels}; choose the data that the bundle was trained on`,
    );
  return { ...data, ...preprocessing };
}

/** The bundle with its new level, whose accuracy is to be counted. */
function assemble({ manifest, models }: Bundle, grown: TrainedNet, index: number): NewBundle {
  const { version: _, levels, ...described } = manifest;
  const encoded = encodeLevels(grown);
  const entries = levels.map(({ bytes: _bytes, file: _file, sha256: _sha256, ...known }, i) => ({
    ...known,
    // Only the order of channels can differ.
    onnx: grown.granularity === 'channel' ? encoded[i < index ? i : i + 1].onnx : models[i],
  }));
  return { ...described, levels: entries.toSpliced(index, 0, { ...encoded[index], derived: true }) };
}

/** Counts the right answers of all levels whose bytes are not in the old bundle. */
async function countChanged(
  added: NewBundle,
  { dir, models }: Bundle,
  data: DataSet,
  options: Pick<AddLevelOptions, 'signal' | 'onProgress'>,
): Promise<Map<number, NonNullable<NewBundle['levels'][number]['accuracy']>>> {
  const { signal, onProgress } = options;
  const manifest = buildManifest(added);
  const engine = await openEngine(
    { dir, manifest, models: added.levels.map(({ onnx }) => onnx) },
    { engine: 'ort' },
  );
  const counts: Awaited<ReturnType<typeof countChanged>> = new Map();
  try {
    for (const [index, { onnx }] of added.levels.entries()) {
      if (models.some((model) => Buffer.compare(model, onnx) === 0)) continue;
      onProgress?.(`level ${index}: counting right answers on ${data.test.count} samples`);
      const { correct, count } = await countCorrect(engine, index, data.test, manifest, { signal });
      counts.set(index, {
        metric: 'top1',
        value: correct / count,
        correct,
        count,
        data: data.name,
        split: 'test',
      });
    }
  } finally {
    await engine.close();
  }
  signal?.throwIfAborted();
  return counts;
}
