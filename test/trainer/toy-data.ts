import { channelStatistics, type DataSet, type Split } from '../../trainer/data/data-set.ts';
import { createRandom } from '../../trainer/random.ts';

/** Noisy 8 x 8 images with horizontal stripes, vertical stripes, or a chessboard: learnt in a few steps. */
export function toyData(trainCount = 512, testCount = 90): DataSet {
  const size = 8;
  const random = createRandom(99);
  const draw = (count: number): Split => {
    const images = new Uint8Array(count * size * size);
    const labels = Uint16Array.from({ length: count }, (_, n) => n % 3);
    for (let i = 0; i < images.length; i += 1) {
      const n = Math.floor(i / (size * size));
      const row = Math.floor(i / size) % size;
      const column = i % size;
      const bright = [row, column, row + column][labels[n]!]! % 2 === n % 2;
      images[i] = Math.max(0, Math.min(255, (bright ? 160 : 90) + 40 * random.normal()));
    }
    return { inputs: images, labels, count };
  };
  const train = draw(trainCount);
  return {
    name: 'toy',
    labels: ['horizontal', 'vertical', 'chessboard'],
    height: size,
    width: size,
    channels: 1,
    train,
    test: draw(testCount),
    ...channelStatistics(train, 1, 1 / 255),
    augment: { pad: 1, flip: true },
  };
}
