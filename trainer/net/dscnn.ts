import type { NetGraph } from './graph.ts';
import { buildNet, type NetOptions } from './net-builder.ts';

const blocks = 4;

/**
 * A depthwise separable net for microcontrollers and small boards (DS-CNN of Zhang et al. 2017, "Hello Edge"; MLPerf Tiny's
 * keyword spotting): a 3x3 stem of stride 2 and 64 channels, four blocks of a 3x3 depthwise and a 1x1 convolution, each with
 * norm and activation, mean over the image, one dense layer. The second block has stride 2 where the image is large enough.
 */
export function dscnn(options: NetOptions): NetGraph {
  const net = buildNet('dscnn', options);
  const channels = net.wide(64);
  const stem = { stream: 'stem', channels, kernel: 3, stride: 2, maskable: false };
  let trunk = net.relu('stem.relu', net.norm('stem.norm', net.conv('stem.conv', net.input, stem)));
  for (let index = 1; index <= blocks; index += 1) {
    const block = `block${index}`;
    const stride = index === 2 && Math.min(...trunk.size) >= 12 ? 2 : 1;
    const spatial = net.depthwise(`${block}.depthwise`, trunk, { kernel: 3, stride });
    const inner = net.relu(`${block}.relu1`, net.norm(`${block}.norm1`, spatial));
    const pointwise = { stream: block, channels, kernel: 1, stride: 1, maskable: true };
    const outer = net.conv(`${block}.pointwise`, inner, pointwise);
    trunk = net.relu(`${block}.relu2`, net.norm(`${block}.norm2`, outer));
  }
  return net.classifier('dense', net.pool('pool', trunk));
}
