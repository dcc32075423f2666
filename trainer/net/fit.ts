import type { DataSet } from '../data/data-set.ts';
import { type NetGraph, readsVectors } from './graph.ts';

/** @throws RangeError where the net was built for samples or classes other than the data's. */
export function checkNetFits(action: string, graph: NetGraph, data: DataSet): void {
  const { height, width, channels, labels, name } = data;
  const shape = readsVectors(graph) ? [1, 1, height * width * channels] : [height, width, channels];
  const wanted = [...graph.input, graph.classes].join(' x ');
  const current = [...shape, labels.length].join(' x ');
  if (wanted !== current)
    throw new RangeError(
      `Cannot ${action} net "${graph.name}" as its data must be ${wanted} (height, width, channels, classes): current value of "${name}" is ${current}; use the data it was built for`,
    );
}
