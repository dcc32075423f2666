import type { Manifest } from '../../bundle/manifest.ts';
import type { Bundle } from '../../bundle/read-bundle.ts';
import { buildManifest } from '../../bundle/write-bundle.ts';
import { LatentNet } from '../../trainer/ast/latent-net.ts';
import type { Granularity } from '../../trainer/ast/masks/mask-scheme.ts';
import { encodeLevels } from '../../trainer/export/export-bundle.ts';
import { parseLevels } from '../../trainer/levels.ts';
import { readsVectors } from '../../trainer/net/graph.ts';
import { netByName } from '../../trainer/net/net-by-name.ts';
import type { TrainedNet } from '../../trainer/net/trained-net.ts';
import { createRandom } from '../../trainer/random.ts';

type Shape = { net?: string; granularity?: Granularity; levels?: string; seed?: number; classes?: number };

/** A net for 8 x 8 grey images as it would be after training that changed nothing but masks and norms. */
export function untrainedNet(shape: Shape = {}): TrainedNet {
  const { net = 'resnet8', granularity = 'element', seed = 1, classes = 3 } = shape;
  const { levels = granularity === 'nm' ? '0,2:4,1:4' : '0,0.5,0.8' } = shape;
  const random = createRandom(seed);
  const targets = parseLevels(levels);
  const latent = new LatentNet(netByName(net, { input: [8, 8, 1], classes })!, {
    granularity,
    distribution: granularity === 'nm' ? 'uniform' : 'global',
    targets,
    correction: false,
    momentum: 0.9,
    weightDecay: 0,
    normRate: 1,
    normEpsilon: 1e-5,
    dropFraction: 0,
    random,
  });
  for (const level of targets.keys()) latent.updateMask(level, 1, 0);
  const trained = latent.toTrainedNet();
  for (const { norms } of trained.levels)
    for (const { scale, bias, mean, variance } of norms.values())
      for (let c = 0; c < scale.length; c += 1) {
        // A channel that is absent has scale 0.
        if (scale[c] === 0) continue;
        scale[c] = 1 + 0.3 * random.normal();
        bias[c] = 0.1 * random.normal();
        mean[c] = random.normal();
        variance[c] = 0.5 + random.normal() ** 2;
      }
  for (const bias of trained.biases.values()) bias.set(Array.from(bias, () => random.normal()));
  return trained;
}

export const trainingOf = ({ graph, granularity }: TrainedNet): NonNullable<Manifest['training']> => ({
  method: 'ast',
  net: graph.name,
  data: 'toy',
  granularity,
  distribution: 'global',
  correction: true,
  epochs: 1,
  iterations: 1,
  batch: 32,
  seed: 7,
  seconds: 0,
});

/** The bundle that the net's export would be, without a folder. */
export function bundleOf(net: TrainedNet, change: Partial<Manifest> = {}): Bundle {
  const [height, width, channels] = net.graph.input;
  const vectors = readsVectors(net.graph);
  const levels = encodeLevels(net);
  const manifest = buildManifest({
    name: 'toy',
    task: 'classification',
    labels: ['horizontal', 'vertical', 'chessboard'].slice(0, net.graph.classes),
    input: {
      name: 'image',
      shape: vectors ? ['batch', channels] : ['batch', channels, height, width],
      dtype: 'float32',
      layout: vectors ? 'NC' : 'NCHW',
      preprocessing: { scale: 1 / 255, mean: [0.5], std: [0.25] },
    },
    output: { name: 'logits', shape: ['batch', net.graph.classes], dtype: 'float32' },
    nested: true,
    training: trainingOf(net),
    levels: levels.map((level, i) => ({
      ...level,
      accuracy: { metric: 'top1', value: 0.5, correct: 45 - i, count: 90, data: 'toy', split: 'test' },
    })),
  });
  return { dir: 'memory', manifest: { ...manifest, ...change }, models: levels.map(({ onnx }) => onnx) };
}
