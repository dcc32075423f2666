import type { NetGraph } from './graph.ts';
import { type NetOptions, resnet8 } from './resnet8.ts';

/** The nets that `ebb train --net` knows. */
export const nets: Record<string, (options: NetOptions) => NetGraph> = { resnet8 };
