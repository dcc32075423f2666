import { dscnn } from './dscnn.ts';
import type { NetGraph } from './graph.ts';
import { mlp } from './mlp.ts';
import type { NetOptions } from './net-builder.ts';
import { resnet } from './resnet.ts';

/** The nets that `ebb train --net` knows. */
export const nets: Record<string, (options: NetOptions) => NetGraph> = {
  resnet8: (options) => resnet(1, options),
  resnet20: (options) => resnet(3, options),
  resnet32: (options) => resnet(5, options),
  dscnn,
  mlp,
};
