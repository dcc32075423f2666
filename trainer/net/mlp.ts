import type { NetGraph } from './graph.ts';
import { buildNet, type NetOptions } from './net-builder.ts';

const hidden = [128, 128];

/** Two hidden layers of 128, each with norm and activation, for sensor vectors. */
export function mlp(options: NetOptions): NetGraph {
  const [height, width, features] = options.input;
  // An image is read as one long vector.
  const net = buildNet('mlp', { ...options, input: [1, 1, height * width * features] });
  let trunk = net.input;
  hidden.forEach((channels, index) => {
    const name = `hidden${index + 1}`;
    const product = net.hidden(name, trunk, { stream: name, channels: net.wide(channels) });
    trunk = net.relu(`${name}.relu`, net.norm(`${name}.norm`, product));
  });
  return net.classifier('dense', trunk);
}
