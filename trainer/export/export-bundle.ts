import type { Manifest } from '../../bundle/manifest.ts';
import { encodeModel } from '../../bundle/onnx/encode-model.ts';
import { buildManifest, type NewBundle, type NewLevel, writeBundle } from '../../bundle/write-bundle.ts';
import { openEngine } from '../../engine/open-engine.ts';
import type { DataSet, Split } from '../data/data-set.ts';
import { checkNetFits } from '../net/fit.ts';
import { readsVectors } from '../net/graph.ts';
import type { TrainedNet } from '../net/trained-net.ts';
import { type KeptChannels, orderChannels } from './channel-order.ts';
import { countLevel } from './count-level.ts';
import { countCorrect } from './evaluate.ts';
import { buildLevelModel, inputName, outputName } from './level-model.ts';
import { takeLevel } from './level-parameters.ts';

export type ExportOptions = {
  /** Folder of the bundle; absent or empty. */
  dir: string;
  name: string;
  training: Manifest['training'];
  /** Where the levels' accuracy is counted. Default the test split. */
  counted?: { name: string; split: Split } | undefined;
  signal?: AbortSignal | undefined;
  onProgress?: ((text: string) => void) | undefined;
};

/**
 * Writes a trained net as a bundle, one ONNX file a level, each level's accuracy counted on a split by onnxruntime from the very bytes
 * that are written.
 *
 * @throws Error where the masks are not nested, the data do not fit the net, or the folder cannot be written; nothing is left behind then.
 */
export async function exportBundle(
  net: TrainedNet,
  data: DataSet,
  options: ExportOptions,
): Promise<Manifest> {
  const { dir, name, training, signal, onProgress } = options;
  const { counted = { name: 'test', split: data.test } } = options;
  checkNetFits('export', net.graph, data);
  const bundle: NewBundle = { ...describe(net, data, name, training), levels: encodeLevels(net) };
  const manifest = buildManifest(bundle);
  const models = bundle.levels.map((level) => level.onnx);
  const engine = await openEngine({ dir, manifest, models }, { engine: 'ort' });
  try {
    for (const [index, level] of bundle.levels.entries()) {
      onProgress?.(`level ${index}: counting right answers on ${counted.split.count} samples`);
      const { correct, count } = await countCorrect(engine, index, counted.split, manifest, { signal });
      level.accuracy = {
        metric: 'top1',
        value: correct / count,
        correct,
        count,
        data: data.name,
        split: counted.name,
      };
    }
  } finally {
    await engine.close();
  }
  signal?.throwIfAborted();
  return writeBundle(dir, bundle);
}

/** Every level's model and counts, densest first. @throws Error where a level's mask does not lie inside the one before. */
export function encodeLevels(net: TrainedNet): NewLevel[] {
  checkNesting(net);
  const kept: KeptChannels =
    net.granularity === 'channel' ? orderChannels(net) : net.levels.map(() => new Map());
  return net.levels.map((_, index) => {
    const parameters = takeLevel(net, index, kept);
    const model = buildLevelModel(net.graph, parameters, net.normEpsilon);
    return { onnx: encodeModel(model), ...countLevel(net.graph, parameters) };
  });
}

function describe(
  net: TrainedNet,
  data: DataSet,
  name: string,
  training: Manifest['training'],
): Omit<NewBundle, 'levels'> {
  const [height, width, channels] = net.graph.input;
  return {
    name,
    task: 'classification',
    labels: data.labels,
    input: {
      name: inputName,
      shape: readsVectors(net.graph) ? ['batch', channels] : ['batch', channels, height, width],
      dtype: 'float32',
      layout: readsVectors(net.graph) ? 'NC' : 'NCHW',
      preprocessing: { scale: data.scale, mean: data.mean, std: data.std },
    },
    output: { name: outputName, shape: ['batch', net.graph.classes], dtype: 'float32' },
    nested: true,
    ...(training === undefined ? {} : { training }),
  };
}

function checkNesting(net: TrainedNet): void {
  for (let index = 1; index < net.levels.length; index += 1) {
    const [denser, sparser] = [net.levels[index - 1].masks, net.levels[index].masks];
    for (const [node, outer] of denser) {
      const inner = sparser.get(node);
      const stray = outer.findIndex((keep, i) => keep === 0 && (inner === undefined || inner[i] !== 0));
      if (stray >= 0)
        throw new Error(
          `Cannot export level ${index} as it must keep only weights that level ${index - 1} keeps: weight ${stray} of "${node}" is not among them`,
        );
    }
  }
}
