import { fixedMacsOf } from './ast/masks/mask-scheme.ts';
import type { DataSet } from './data/data-set.ts';
import { checkNetFits } from './net/fit.ts';
import { layoutOf } from './net/parameters.ts';
import type { TrainOptions } from './train.ts';

/** @throws RangeError where a net cannot be trained so on these data, with the cure. */
export function checkOptions(data: DataSet, options: TrainOptions, iterations: number): void {
  const { targets, batch, graph, method } = options;
  const sparsities = targets.map(({ sparsity }) => sparsity);
  if (
    sparsities.length === 0 ||
    sparsities.some((value, i) => !(value >= 0 && value < 1) || value <= sparsities[i - 1])
  )
    throw new RangeError(
      `Cannot train as levels must be ascending sparsities from 0 to below 1: current value is [${sparsities}]`,
    );
  if (method === 'single' && targets.length !== 1)
    throw new RangeError(
      `Cannot train with method "single" as it must have one level: current value is ${targets.length}; train each alone, or use --method ast`,
    );
  if (batch > data.train.count)
    throw new RangeError(
      `Cannot train on "${data.name}" as a batch must fit its ${data.train.count} training samples: current value is ${batch}; lower --batch`,
    );
  if (method === 'ast' && iterations < targets.length)
    throw new RangeError(
      `Cannot train as every level needs at least one step: current value is ${iterations} steps for ${targets.length} levels; raise --epochs`,
    );
  checkNetFits('train', graph, data);
  checkPatterns(options);
  checkMacs(options);
}

function checkPatterns({ granularity, targets }: TrainOptions): void {
  for (const { pattern, sparsity } of targets) {
    if (granularity === 'nm' && !pattern && sparsity > 0)
      throw new RangeError(
        `Cannot prune N of every M weights as each level must be 0 or N:M: current value is ${sparsity}; say e.g. --levels 0,2:4,1:4`,
      );
    if (granularity !== 'nm' && pattern)
      throw new RangeError(
        `Cannot use level ${pattern.n}:${pattern.m} as the granularity must be "nm": current value is "${granularity}"; add --granularity nm`,
      );
  }
}

/** A budget of multiply-accumulates must leave room for what no mask prunes. */
function checkMacs({ graph, granularity, distribution, targets }: TrainOptions): void {
  if (distribution !== 'macs' || granularity === 'channel') return;
  const layout = layoutOf(graph);
  const total = layout.weights.reduce((sum, { size, positions }) => sum + size * positions, 0);
  const fixed = fixedMacsOf(layout) / total;
  const tight = targets.find(({ sparsity }) => 1 - sparsity <= fixed);
  if (tight)
    throw new RangeError(
      `Cannot train "${graph.name}" to a budget of ${percent(1 - tight.sparsity)} of its multiply-accumulates as it must be above ${percent(fixed)}, which no mask prunes: lower the level ${tight.sparsity} in --levels`,
    );
}

function percent(share: number): string {
  return `${Number((100 * share).toFixed(2))}%`;
}

/** @throws Error where the loss is no finite number. */
export function checkLoss(loss: number, iteration: number, peak: number): void {
  if (Number.isFinite(loss)) return;
  throw new Error(
    `Cannot go on training as the loss must be finite: current value is ${loss} in iteration ${iteration}; lower --lr (now ${peak})`,
  );
}
