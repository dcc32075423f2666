import fc from 'fast-check';
import type { OnnxAttribute, OnnxModel, OnnxNode } from '../../../bundle/onnx/model.ts';
import { createRandom } from '../../../trainer/random.ts';

type Image = [number, number, number];

const ints = (...value: number[]): OnnxAttribute => ({ type: 'INTS', value });
const int = (value: number): OnnxAttribute => ({ type: 'INT', value });
const float = (value: number): OnnxAttribute => ({ type: 'FLOAT', value });

/** What is drawn for one layer; each kind uses what it needs. */
const layer = fc.record({
  kind: fc.constantFrom(
    'conv',
    'conv',
    'conv',
    'norm',
    'activation',
    'max-pool',
    'average-pool',
    'residual',
    'concat',
    'pad',
    'scale',
    'shift',
    'transpose',
    'softmax',
    'identity',
  ),
  outputs: fc.integer({ min: 1, max: 17 }),
  kernel: fc.tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 5 })),
  stride: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 })),
  dilation: fc.tuple(fc.integer({ min: 1, max: 2 }), fc.integer({ min: 1, max: 2 })),
  pads: fc.tuple(...[0, 0, 0, 0].map(() => fc.integer({ min: 0, max: 3 }))),
  groups: fc.constantFrom<'one' | 'two' | 'depthwise'>('one', 'one', 'two', 'depthwise'),
  density: fc.constantFrom(0, 0.05, 0.2, 0.5, 1),
  emptyChannel: fc.boolean(),
  bias: fc.boolean(),
  flag: fc.boolean(),
  activation: fc.constantFrom('Relu', 'Clip', 'LeakyRelu', 'HardSwish', 'Sigmoid'),
});
type Layer = typeof layer extends fc.Arbitrary<infer T> ? T : never;

export const randomNet = fc.record({
  channels: fc.integer({ min: 1, max: 9 }),
  height: fc.integer({ min: 1, max: 21 }),
  width: fc.integer({ min: 1, max: 21 }),
  layers: fc.array(layer, { minLength: 1, maxLength: 9 }),
  head: fc.constantFrom<'mean' | 'reduce' | 'flatten'>('mean', 'reduce', 'flatten'),
  hidden: fc.option(fc.integer({ min: 1, max: 40 }), { nil: undefined }),
  density: fc.constantFrom(0.1, 0.5, 1),
  seed: fc.integer(),
});

/**
 * Builds the models of `levels` levels of a drawn net: the same operators, and nested weights, the densest first. Layers that do not fit the
 * shape so far are left out.
 */
export function buildModels(
  net: typeof randomNet extends fc.Arbitrary<infer T> ? T : never,
  levels = 1,
): OnnxModel[] {
  return Array.from({ length: levels }, (_, level) => buildModel(net, level));
}

function buildModel(net: Parameters<typeof buildModels>[0], level: number): OnnxModel {
  const random = createRandom(net.seed);
  const nodes: OnnxNode[] = [];
  const initializers: OnnxModel['initializers'] = [];
  let shape: Image = [net.channels, net.height, net.width];
  let value = 'image';
  const history: { value: string; shape: Image }[] = [{ value, shape }];

  const constant = (dims: number[], next: () => number): string => {
    const name = `c${initializers.length}`;
    const data = Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, next);
    initializers.push({ name, dims, data });
    return name;
  };
  const numbers = (values: number[]): string => {
    const name = `c${initializers.length}`;
    initializers.push({ name, dims: [values.length], data: BigInt64Array.from(values, BigInt) });
    return name;
  };
  const normal = () => random.normal();
  /** Each level drops more of what the level before it has. */
  const weight = (density: number) => () => {
    const kept = random.uniform() < density;
    const rank = random.uniform();
    const drawn = random.normal();
    return kept && rank < 0.5 ** level ? drawn : 0;
  };
  /** Private to a level. */
  const own = () => random.normal() + 0.1 * level;
  const add = (opType: string, inputs: string[], attributes: OnnxNode['attributes'] = {}) => {
    const name = `n${nodes.length}`;
    nodes.push({ name, opType, inputs, outputs: [name], attributes });
    value = name;
  };
  const window = ({ kernel, stride, dilation, pads, flag, bias }: Layer, isPool: boolean) => {
    const [top, left, bottom, right] = isPool
      ? pads.map((pad, i) => Math.min(pad, kernel[i % 2]! - 1))
      : pads;
    const dilations: [number, number] = isPool ? [1, 1] : dilation;
    const along = (size: number, before: number, after: number, i: 0 | 1) =>
      Math.floor((size + before + after - (kernel[i] - 1) * dilations[i] - 1) / stride[i]) + 1;
    const size: [number, number] = flag
      ? [Math.ceil(shape[1] / stride[0]), Math.ceil(shape[2] / stride[1])]
      : [along(shape[1], top!, bottom!, 0), along(shape[2], left!, right!, 1)];
    const attributes: OnnxNode['attributes'] = {
      kernel_shape: ints(...kernel),
      strides: ints(...stride),
      ...(flag
        ? { auto_pad: { type: 'STRING', value: bias ? 'SAME_LOWER' : 'SAME_UPPER' } }
        : { pads: ints(top!, left!, bottom!, right!) }),
      ...(isPool || flag ? {} : { dilations: ints(...dilations) }),
    };
    // onnxruntime refuses "same" pools whose stride is larger than their kernel.
    const leavesGaps = flag && (stride[0] > kernel[0] || stride[1] > kernel[1]);
    return { attributes, size, fits: size[0] >= 1 && size[1] >= 1 && !leavesGaps };
  };

  for (const drawn of net.layers) {
    const [channels, height, width] = shape;
    switch (drawn.kind) {
      case 'conv': {
        const groups =
          drawn.groups === 'depthwise' ? channels : drawn.groups === 'two' && channels % 2 === 0 ? 2 : 1;
        const outputs = drawn.groups === 'depthwise' ? channels : Math.ceil(drawn.outputs / groups) * groups;
        const { attributes, size, fits } = window(
          { ...drawn, dilation: drawn.flag ? [1, 1] : drawn.dilation },
          false,
        );
        if (!fits) break;
        const dims = [outputs, channels / groups, ...drawn.kernel];
        const weights = constant(dims, weight(drawn.density));
        if (drawn.emptyChannel) initializers.at(-1)!.data.fill(0 as never, 0, dims[1]! * dims[2]! * dims[3]!);
        const inputs = [value, weights, ...(drawn.bias ? [constant([outputs], own)] : [])];
        add('Conv', inputs, { ...attributes, group: int(groups) });
        shape = [outputs, ...size];
        break;
      }
      case 'norm':
        add(
          'BatchNormalization',
          [
            value,
            constant([channels], own),
            constant([channels], own),
            constant([channels], normal),
            constant([channels], () => 0.5 + random.uniform()),
          ],
          { epsilon: float(1e-3) },
        );
        break;
      case 'activation':
        if (drawn.activation === 'Clip')
          add('Clip', [value, constant([], () => -0.5), constant([], () => 1.5)]);
        else add(drawn.activation, [value], drawn.activation === 'LeakyRelu' ? { alpha: float(0.2) } : {});
        break;
      case 'max-pool':
      case 'average-pool': {
        const { attributes, size, fits } = window(drawn, true);
        if (!fits) break;
        if (drawn.kind === 'max-pool') add('MaxPool', [value], attributes);
        else add('AveragePool', [value], { ...attributes, count_include_pad: int(Number(drawn.bias)) });
        shape = [channels, ...size];
        break;
      }
      case 'residual': {
        const other = history.find(
          (entry) => String(entry.shape) === String(shape) && (drawn.flag || entry.value !== value),
        );
        if (other) add('Add', drawn.bias ? [value, other.value] : [other.value, value]);
        break;
      }
      case 'concat': {
        const other = history.find((entry) => String(entry.shape.slice(1)) === String(shape.slice(1)));
        if (!other || channels + other.shape[0] > 40) break;
        add('Concat', [value, other.value], { axis: int(1) });
        shape = [channels + other.shape[0], height, width];
        break;
      }
      case 'pad': {
        const [top, left, bottom, right] = drawn.pads as [number, number, number, number];
        const fill = drawn.flag ? [constant([], () => 0.7)] : [];
        add('Pad', [value, numbers([0, 0, top, left, 0, 0, bottom, right]), ...fill]);
        shape = [channels, height + top + bottom, width + left + right];
        break;
      }
      case 'scale':
        add('Mul', [value, drawn.flag ? constant([channels, 1, 1], own) : constant([], own)]);
        break;
      case 'shift':
        add('Add', [constant([1, channels, 1, 1], own), value]);
        break;
      case 'transpose':
        add('Transpose', [value], { perm: drawn.flag ? ints(0, 2, 3, 1) : ints(0, 1, 3, 2) });
        shape = drawn.flag ? [height, width, channels] : [channels, width, height];
        break;
      case 'softmax':
        add('Softmax', [value], { axis: int(1) });
        break;
      case 'identity':
        add(drawn.flag ? 'Identity' : 'Dropout', [value]);
        break;
    }
    history.push({ value, shape });
  }

  let features = shape[0];
  if (net.head === 'flatten') {
    add('Flatten', [value]);
    features = shape[0] * shape[1] * shape[2];
  } else if (net.head === 'mean') {
    add('GlobalAveragePool', [value]);
    add('Reshape', [value, numbers([0, -1])]);
  } else add('ReduceMean', [value], { axes: ints(-2, 3), keepdims: int(0) });
  if (net.hidden !== undefined) {
    add('MatMul', [value, constant([features, net.hidden], weight(net.density))]);
    add('Relu', [value]);
    // Behind an activation a constant cannot be folded.
    add('Mul', [value, constant([net.hidden], own)]);
    add('HardSwish', [value]);
    features = net.hidden;
  }
  add('Gemm', [value, constant([5, features], weight(1)), constant([5], own)], { transB: int(1) });
  return {
    opset: 17,
    name: 'random',
    inputs: [{ name: 'image', shape: ['batch', net.channels, net.height, net.width] }],
    outputs: [{ name: value, shape: ['batch', 5] }],
    initializers,
    nodes,
  };
}
