import type { BackendName } from './backend/open-backend.ts';
import type { DataSet } from './data/data-set.ts';
import { parseLevels } from './levels.ts';
import { nets } from './net/nets.ts';
import type { Settings } from './settings.ts';
import type { TrainOptions } from './train.ts';

/** What `train` does with settings on data that are open. @throws RangeError where the net is unknown. */
export function trainOptions(settings: Settings, data: DataSet, backend: BackendName): TrainOptions {
  const makeNet = nets[settings.net];
  if (!makeNet)
    throw new RangeError(`Cannot train net "${settings.net}": known nets are ${Object.keys(nets)}`);
  return {
    graph: makeNet({
      input: [data.height, data.width, data.channels],
      classes: data.labels.length,
      width: settings.width,
    }),
    method: settings.method,
    targets: parseLevels(settings.levels),
    epochs: settings.epochs,
    batch: settings.batch,
    granularity: settings.granularity,
    distribution: settings.distribution,
    correction: settings.correction,
    order: settings.order,
    learningRate: settings.lr,
    weightDecay: settings.weight_decay,
    normRate: settings.norm_rate ?? 1,
    updates: settings.updates,
    rampEnd: settings.ramp_end,
    frozenFrom: settings.frozen_from,
    offset: settings.update_offset,
    dropFraction: settings.drop_fraction,
    backend,
    seed: settings.seed,
  };
}
