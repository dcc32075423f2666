import type { ConvNode } from '../../trainer/net/graph.ts';
import type { TrainedNet } from '../../trainer/net/trained-net.ts';

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

/** TensorFlow's "same": the window of output 0 begins half of the missing pixels before the image, rounded down. */
function convolve(image: Image, node: ConvNode, weights: Float32Array, mask: Uint8Array | undefined): Image {
  const { height, width, channels } = image;
  const [kernelHeight, kernelWidth] = node.kernel;
  const { stride, outChannels } = node;
  const outHeight = Math.ceil(height / stride);
  const outWidth = Math.ceil(width / stride);
  const top = Math.floor(Math.max(0, (outHeight - 1) * stride + kernelHeight - height) / 2);
  const left = Math.floor(Math.max(0, (outWidth - 1) * stride + kernelWidth - width) / 2);
  const data = new Float64Array(outHeight * outWidth * outChannels);
  for (let y = 0; y < outHeight; y += 1)
    for (let x = 0; x < outWidth; x += 1)
      for (let ky = 0; ky < kernelHeight; ky += 1)
        for (let kx = 0; kx < kernelWidth; kx += 1) {
          const row = y * stride + ky - top;
          const column = x * stride + kx - left;
          if (row < 0 || row >= height || column < 0 || column >= width) continue;
          for (let i = 0; i < channels; i += 1)
            for (let o = 0; o < outChannels; o += 1) {
              const w = ((ky * kernelWidth + kx) * channels + i) * outChannels + o;
              if (mask?.[w] === 0) continue;
              data[(y * outWidth + x) * outChannels + o]! +=
                image.data[(row * width + column) * channels + i]! * weights[w]!;
            }
        }
  return { height: outHeight, width: outWidth, channels: outChannels, data };
}
