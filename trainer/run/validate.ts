import { plainBatch } from '../batches.ts';
import { forwardShard } from '../compute/memory-estimate.ts';
import { cutShards } from '../compute/shards.ts';
import type { HeldOut } from '../data/hold-out.ts';
import { levelStatistics } from '../norm-statistics.ts';
import type { Training } from '../train.ts';

/** Held-out samples that a curve's point is counted on, and training samples for its norm statistics: it shall cost little. */
const mostSamples = 1000;
const statisticsSamples = 512;

export type LevelValidation = { level: number; accuracy: number; count: number };

/** Every level's accuracy, as it stands, on held-out samples. Does not change the training. */
export async function validate(
  { net, pool }: Training,
  data: HeldOut,
  seed: number,
): Promise<LevelValidation[]> {
  const { validation, labels } = data;
  const total = Math.min(mostSamples, validation.count);
  const atOnce = 2 * pool.workers * forwardShard(net.graph);
  const results: LevelValidation[] = [];
  for (const level of net.masks.keys()) {
    const statistics = await levelStatistics(net, pool, data, level, seed, statisticsSamples);
    const parameters = { ...net.effective(level), statistics };
    let correct = 0;
    // A few shards at a time, as they are large if their images are.
    for (let start = 0; start < total; start += atOnce) {
      const indices = Int32Array.from({ length: Math.min(atOnce, total - start) }, (_, i) => start + i);
      const shards = cutShards(plainBatch(data, validation, indices), forwardShard(net.graph));
      const answers = await Promise.all(
        shards.map(({ inputs, count }) =>
          pool.run({ kind: 'logits', input: { ...parameters, inputs, count } }),
        ),
      );
      for (const [shard, logits] of answers.entries())
        shards[shard].labels.forEach((label, n) => {
          const row = logits.subarray(n * labels.length, (n + 1) * labels.length);
          if (row.indexOf(Math.max(...row)) === label) correct += 1;
        });
    }
    results.push({ level, accuracy: correct / total, count: total });
  }
  return results;
}
