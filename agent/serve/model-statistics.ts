import type { Manifest } from '../../bundle/manifest.ts';
import type { LevelTotals } from './level-totals.ts';

const nsPerMs = 1e6;

/** `StatisticDuration` of the extension. */
const duration = (count: number, ms: number) => ({ count, ns: Math.round(ms * nsPerMs) });

/**
 * Triton's statistics extension: an entry for each of `levels`, as versions of the model.
 *
 * An answer's time in `success` is more than `queue` and `compute_infer` together: reading the input and handing the output over are not
 * measured apart, so that `compute_input` and `compute_output` hold no time. Batch sizes are not told apart either.
 * Source: https://github.com/triton-inference-server/server, docs/protocol/extension_statistics.md
 * @param options.epochMs turns a time of the totals' clock into milliseconds since the epoch.
 */
export function modelStatistics(options: {
  manifest: Pick<Manifest, 'name'>;
  levels: readonly number[];
  totals: (level: number) => Readonly<LevelTotals>;
  epochMs: (ms: number) => number;
}): { model_stats: object[] } {
  const { manifest, levels, totals, epochMs } = options;
  return {
    model_stats: levels.map((level) => {
      const { inputs, answered, answeredMs, queueMs, inferMs, failed, failedMs, lastStartMs } = totals(level);
      return {
        name: manifest.name,
        version: String(level),
        last_inference: lastStartMs === undefined ? 0 : Math.round(epochMs(lastStartMs)),
        inference_count: inputs,
        execution_count: answered,
        inference_stats: {
          success: duration(answered, answeredMs),
          fail: duration(failed, failedMs),
          queue: duration(answered, queueMs),
          compute_input: duration(answered, 0),
          compute_infer: duration(answered, inferMs),
          compute_output: duration(answered, 0),
          cache_hit: duration(0, 0),
          cache_miss: duration(0, 0),
        },
        batch_stats: [],
      };
    }),
  };
}
