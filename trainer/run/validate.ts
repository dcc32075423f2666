import { plainBatch } from '../batches.ts';
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
  const indices = Int32Array.from({ length: Math.min(mostSamples, validation.count) }, (_, i) => i);
  const shards = cutShards(plainBatch(data, validation, indices));
  const results: LevelValidation[] = [];
  for (const level of net.masks.keys()) {
    const statistics = await levelStatistics(net, pool, data, level, seed, statisticsSamples);
    const parameters = { ...net.effective(level), statistics };
    const answers = await Promise.all(
      shards.map(({ inputs, count }) =>
        pool.run({ kind: 'logits', input: { ...parameters, inputs, count } }),
      ),
    );
    let correct = 0;
    for (const [shard, logits] of answers.entries())
      shards[shard].labels.forEach((label, n) => {
        const row = logits.subarray(n * labels.length, (n + 1) * labels.length);
        if (row.indexOf(Math.max(...row)) === label) correct += 1;
      });
    results.push({ level, accuracy: correct / indices.length, count: indices.length });
  }
  return results;
}
