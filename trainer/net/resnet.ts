import type { NetGraph } from './graph.ts';
import { buildNet, type NetOptions } from './net-builder.ts';

/**
 * A residual net for small images (He et al. 2016, section 4.2): a 3x3 stem, three stages of 16, 32 and 64 channels, mean over the image,
 * one dense layer. A stage holds `blocks` blocks of two 3x3 convolutions, so that the net has 6 * blocks + 2 layers; the first block
 * of stages 2 and 3 has stride 2, and its shortcut is a 1x1 convolution with a norm of its own (projection). One block a
 * stage is the ResNet-8 of MLPerf Tiny (Banbury et al. 2021).
 */
export function resnet(blocks: number, options: NetOptions): NetGraph {
  const net = buildNet(`resnet${6 * blocks + 2}`, options);
  const stages = [16, 32, 64].map(net.wide);
  const stem = { stream: 'stage1', channels: stages[0], kernel: 3, stride: 1, maskable: false };
  let trunk = net.relu('stem.relu', net.norm('stem.norm', net.conv('stem.conv', net.input, stem)));
  stages.forEach((channels, stage) => {
    const stream = `stage${stage + 1}`;
    for (let index = 0; index < blocks; index += 1) {
      const block = `block${stage * blocks + index + 1}`;
      const widens = stage > 0 && index === 0;
      const stride = widens ? 2 : 1;
      const conv1 = { stream: block, channels, kernel: 3, stride, maskable: true };
      const conv2 = { stream, channels, kernel: 3, stride: 1, maskable: true };
      const inner = net.relu(
        `${block}.relu1`,
        net.norm(`${block}.norm1`, net.conv(`${block}.conv1`, trunk, conv1)),
      );
      const main = net.norm(`${block}.norm2`, net.conv(`${block}.conv2`, inner, conv2));
      const projection = { stream, channels, kernel: 1, stride, maskable: true };
      const shortcut = widens
        ? net.norm(`${block}.shortcut.norm`, net.conv(`${block}.shortcut`, trunk, projection))
        : trunk;
      trunk = net.relu(`${block}.relu2`, net.add(`${block}.add`, main, shortcut));
    }
  });
  return net.classifier('dense', net.pool('pool', trunk));
}
