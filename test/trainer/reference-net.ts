import type { ConvNode } from '../../trainer/net/graph.ts';
import type { TrainedNet } from '../../trainer/net/trained-net.ts';
import { forEachProduct } from './for-each-product.ts';

type Image = { height: number; width: number; channels: number; data: Float64Array };

/**
 * A level's logits for one image by plain loops in float64, straight from the definition of a trained net: the full-size net with masked weights,
 * where a pruned channel is 0 after every norm. It shares no code with the export.
 *
 * @param pixels `[height, width, channels]`, normalised.
 */
export function referenceLogits(net: TrainedNet, level: number, pixels: Float64Array): number[] {
  const [height, width, channels] = net.graph.input;
  const own = net.levels[level]!;
  const images = new Map<string, Image>([['input', { height, width, channels, data: pixels }]]);
  let pooled: number[] = [];
  let logits: number[] = [];
  for (const node of net.graph.nodes) {
    const { name } = node;
    if (node.kind === 'conv') {
      images.set(name, convolve(images.get(node.from)!, node, net.weights.get(name)!, own.masks.get(name)));
    } else if (node.kind === 'norm') {
      const { scale, bias, mean, variance } = own.norms.get(name)!;
      const kept = own.channels.get(node.stream);
      images.set(
        name,
        map(images.get(node.from)!, (x, c) =>
          kept?.[c] === 0
            ? 0
            : ((x - mean[c]!) / Math.sqrt(variance[c]! + net.normEpsilon)) * scale[c]! + bias[c]!,
        ),
      );
    } else if (node.kind === 'relu') {
      images.set(
        name,
        map(images.get(node.from)!, (x) => Math.max(0, x)),
      );
    } else if (node.kind === 'add') {
      const other = images.get(node.from[1])!;
      images.set(
        name,
        map(images.get(node.from[0])!, (x, _, i) => x + other.data[i]!),
      );
    } else if (node.kind === 'pool') {
      const image = images.get(node.from)!;
      pooled = Array.from({ length: image.channels }, () => 0);
      image.data.forEach((x, i) => {
        pooled[i % image.channels]! += x / (image.height * image.width);
      });
    } else {
      const weights = net.weights.get(name)!;
      logits = Array.from(net.biases.get(name)!, (bias, out) =>
        pooled.reduce((sum, x, i) => sum + x * weights[i * node.outFeatures + out]!, bias),
      );
    }
  }
  return logits;
}

function map(image: Image, change: (x: number, channel: number, index: number) => number): Image {
  return { ...image, data: image.data.map((x, i) => change(x, i % image.channels, i)) };
}

function convolve(image: Image, node: ConvNode, weights: Float32Array, mask: Uint8Array | undefined): Image {
  const [height, width] = node.outSize;
  const data = new Float64Array(height * width * node.outChannels);
  forEachProduct(node, [image.height, image.width], 1, (x, w, y) => {
    if (mask?.[w] !== 0) data[y]! += image.data[x]! * weights[w]!;
  });
  return { height, width, channels: node.outChannels, data };
}
