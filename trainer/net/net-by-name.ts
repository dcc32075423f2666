import type { NetGraph } from './graph.ts';
import type { NetOptions } from './net-builder.ts';
import { nets } from './nets.ts';

/**
 * Builds the net that a graph's name means: `resnet8`, or `resnet8-w2` for twice the channels.
 *
 * @returns undefined where no such net is known.
 */
export function netByName(name: string, options: Omit<NetOptions, 'width'>): NetGraph | undefined {
  const [, base, width] = /^(.+?)(?:-w(\d+(?:\.\d+)?))?$/s.exec(name) ?? [];
  const makeNet = base !== undefined && Object.hasOwn(nets, base) ? nets[base] : undefined;
  const graph = makeNet?.({ ...options, ...(width === undefined ? {} : { width: Number(width) }) });
  return graph?.name === name ? graph : undefined;
}
