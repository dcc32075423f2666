import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import type { JumpableRandomGenerator } from 'pure-rand/types/JumpableRandomGenerator';
import { breathe } from '../../../terminal/interrupt.ts';
import { channelStatistics, type DataSet, pixelScale, type Split } from '../data-set.ts';
import { drawImage } from './draw-image.ts';
import { figures } from './outlines.ts';

export type ShapesOptions = {
  /** Images of the training split. Default 12,000. */
  train?: number;
  /** Images of the test split. Default 2,000; they are the same whatever `train` is. */
  test?: number;
  /** Default 1. */
  seed?: number;
  /** Breaks off the drawing, which takes some seconds. */
  signal?: AbortSignal | undefined;
};

/** Images drawn between two turns of the event loop: about 50 ms. */
const atOnce = 200;

/** Side of an image in pixels. */
const size = 28;

/**
 * Draws `shapes`: ten kinds of figure, one to a grey image of 28 x 28, under random position, size, turn, stretch and contrast,
 * with clutter and noise. Equal options give equal bytes on every machine: only sums, products and square roots are used, which IEEE 754
 * rounds in one way.
 */
export async function drawShapes(options: ShapesOptions = {}): Promise<DataSet> {
  const { train = 12_000, test = 2_000, seed = 1, signal } = options;
  const random = xoroshiro128plus(seed);
  const testRandom = random.clone();
  testRandom.jump(); // 2^64 numbers further on: the splits can share none
  const trainSplit = await drawSplit(random, train, signal);
  return {
    name: 'shapes',
    labels: figures.map((figure) => figure.name),
    height: size,
    width: size,
    channels: 1,
    train: trainSplit,
    test: await drawSplit(testRandom, test, signal),
    ...channelStatistics(trainSplit, 1, pixelScale),
    augment: { pad: 2, flip: true },
  };
}

async function drawSplit(
  random: JumpableRandomGenerator,
  count: number,
  signal: AbortSignal | undefined,
): Promise<Split> {
  const labels = Uint16Array.from({ length: count }, (_, i) => i % figures.length);
  shuffle(labels, random);
  const images = new Uint8Array(count * size * size);
  for (let i = 0; i < count; i += 1) {
    if (i % atOnce === 0) await breathe(signal);
    drawImage(
      images.subarray(i * size * size, (i + 1) * size * size),
      size,
      figures[labels[i]].distance,
      random,
    );
  }
  return { inputs: images, labels, count };
}

/** Fisher and Yates. The remainder's bias is below count / 2^32. */
function shuffle(values: Uint16Array, random: JumpableRandomGenerator): void {
  for (let i = values.length - 1; i > 0; i -= 1) {
    const j = (random.next() >>> 0) % (i + 1);
    [values[i], values[j]] = [values[j], values[i]];
  }
}
