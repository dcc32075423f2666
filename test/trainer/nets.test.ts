import { describe, expect, it } from 'vitest';
import { nets } from '../../trainer/net/nets.ts';
import { layoutOf } from '../../trainer/net/parameters.ts';

describe('the nets', () => {
  it('resnet20 and resnet32 have the layers and about the weights of He et al. 2016 on 32 x 32 x 3', () => {
    const count = (name: string) => {
      const graph = nets[name]!({ input: [32, 32, 3], classes: 10 });
      const layers = graph.nodes.filter(
        (node) => node.kind === 'dense' || (node.kind === 'conv' && !node.name.endsWith('shortcut')),
      );
      return { layers: layers.length, millions: layoutOf(graph).weightCount / 1e6 };
    };
    expect(count('resnet20').layers).toBe(20);
    expect(count('resnet20').millions).toBeCloseTo(0.27, 2);
    expect(count('resnet32').layers).toBe(32);
    expect(count('resnet32').millions).toBeCloseTo(0.46, 2);
  });

  it('resnet8 has the weights and the multiply-accumulates of MLPerf Tiny on 32 x 32 x 3', () => {
    const graph = nets.resnet8!({ input: [32, 32, 3], classes: 10 });
    const convs = graph.nodes.filter((node) => node.kind === 'conv');
    const weights = layoutOf(graph).weightCount;
    const macs = convs.reduce((sum, { kernel, inChannels, outChannels, outSize }) => {
      return sum + kernel[0] * kernel[1] * inChannels * outChannels * outSize[0] * outSize[1];
    }, 0);
    expect(weights).toBe(432 + 2 * 2304 + 4608 + 9216 + 512 + 18432 + 36864 + 2048 + 640 + 10);
    expect(macs).toBe(1024 * (432 + 4608) + 256 * (4608 + 9216 + 512) + 64 * (18432 + 36864 + 2048));
  });

  it.each(Object.keys(nets))(
    '%s puts all channels that are computed channel by channel into one stream',
    (name) => {
      const graph = nets[name]!({ input: [28, 28, 1], classes: 10 });
      const streams = new Map<string, string>();
      for (const node of graph.nodes) {
        if (node.kind === 'conv' || node.kind === 'dense') streams.set(node.name, node.outStream);
        else streams.set(node.name, node.stream);
        const inputs = node.kind === 'add' ? node.from : [node.from];
        if (node.kind !== 'conv' && node.kind !== 'dense')
          for (const name of inputs) expect(streams.get(name)).toBe(streams.get(node.name));
      }
    },
  );
});
