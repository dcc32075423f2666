import type { OnnxModel, OnnxNode, OnnxTensor } from '../../bundle/onnx/model.ts';
import { type ConvNode, type NetGraph, readsVectors } from '../net/graph.ts';
import type { LevelParameters } from './level-parameters.ts';
import { samePadding } from './same-padding.ts';

export const inputName = 'image';
export const outputName = 'logits';

const opset = 17;

/**
 * One level as an ONNX model: `image` `[batch, channels, height, width]`, or `[batch, features]` of a net that reads vectors, to `logits`
 * `[batch, classes]`.
 *
 * Norms stay nodes of their own and are not folded into the convolutions: the weights keep their bits at every level, and an engine can
 * share them. Initializers are named `<node>.<what>`.
 */
export function buildLevelModel(
  graph: NetGraph,
  parameters: LevelParameters,
  normEpsilon: number,
): OnnxModel {
  const [height, width, channels] = graph.input;
  const nodes: OnnxNode[] = [];
  const initializers: OnnxTensor[] = [];
  const value = (name: string) => (name === 'input' ? inputName : name === graph.output ? outputName : name);
  const constant = (name: string, dims: number[], data: Float32Array): string => {
    initializers.push({ name, dims, data });
    return name;
  };
  const add = (
    name: string,
    opType: string,
    inputs: string[],
    output: string,
    attributes: OnnxNode['attributes'] = {},
  ) => nodes.push({ name, opType, inputs, outputs: [output], attributes });

  const sizes = imageSizes(graph);
  for (const node of graph.nodes) {
    const { name } = node;
    switch (node.kind) {
      case 'conv': {
        const { dims, data } = parametersOf(parameters.convs, name);
        const from = sizeOf(sizes, node.from);
        const [top, bottom] = samePadding(from[0], node.kernel[0], node.stride);
        const [left, right] = samePadding(from[1], node.kernel[1], node.stride);
        add(name, 'Conv', [value(node.from), constant(`${name}.weight`, dims, data)], value(name), {
          dilations: { type: 'INTS', value: [1, 1] },
          group: { type: 'INT', value: node.depthwise ? dims[0] : 1 },
          kernel_shape: { type: 'INTS', value: [...node.kernel] },
          pads: { type: 'INTS', value: [top, left, bottom, right] },
          strides: { type: 'INTS', value: [node.stride, node.stride] },
        });
        break;
      }
      case 'norm': {
        const { scale, bias, mean, variance } = parametersOf(parameters.norms, name);
        const dims = [scale.length];
        add(
          name,
          'BatchNormalization',
          [
            value(node.from),
            constant(`${name}.scale`, dims, scale),
            constant(`${name}.bias`, dims, bias),
            constant(`${name}.mean`, dims, mean),
            constant(`${name}.variance`, dims, variance),
          ],
          value(name),
          { epsilon: { type: 'FLOAT', value: normEpsilon } },
        );
        break;
      }
      case 'relu':
        add(name, 'Relu', [value(node.from)], value(name));
        break;
      case 'add':
        add(name, 'Add', node.from.map(value), value(name));
        break;
      case 'pool':
        add(`${name}.mean`, 'GlobalAveragePool', [value(node.from)], `${name}.mean`);
        add(name, 'Flatten', [`${name}.mean`], value(name), { axis: { type: 'INT', value: 1 } });
        break;
      case 'dense': {
        const { dims, data, bias } = parametersOf(parameters.denses, name);
        const inputs = [value(node.from), constant(`${name}.weight`, dims, data)];
        if (bias) inputs.push(constant(`${name}.bias`, [bias.length], bias));
        add(name, 'Gemm', inputs, value(name));
        break;
      }
    }
  }
  return {
    opset,
    name: graph.name,
    inputs: [
      {
        name: inputName,
        shape: readsVectors(graph) ? ['batch', channels] : ['batch', channels, height, width],
      },
    ],
    outputs: [{ name: outputName, shape: ['batch', graph.classes] }],
    initializers,
    nodes,
  };
}

/** Height and width of every output that is an image. */
function imageSizes(graph: NetGraph): Map<string, [number, number]> {
  const sizes = new Map<string, [number, number]>([['input', [graph.input[0], graph.input[1]]]]);
  for (const node of graph.nodes) {
    if (node.kind === 'conv') sizes.set(node.name, checkedSize(node, sizeOf(sizes, node.from)));
    else if (node.kind === 'norm' || node.kind === 'relu') copySize(sizes, node.from, node.name);
    else if (node.kind === 'add') sizes.set(node.name, sizeOf(sizes, node.from[0]));
  }
  return sizes;
}

/** Vectors have none. */
function copySize(sizes: Map<string, [number, number]>, from: string, to: string): void {
  const size = sizes.get(from);
  if (size) sizes.set(to, size);
}

function checkedSize(node: ConvNode, [height, width]: [number, number]): [number, number] {
  const size: [number, number] = [Math.ceil(height / node.stride), Math.ceil(width / node.stride)];
  if (size[0] !== node.outSize[0] || size[1] !== node.outSize[1])
    throw new Error(
      `Cannot export "${node.name}" as its output must be ${size.join(' x ')}: the graph says ${node.outSize.join(' x ')}`,
    );
  return size;
}

function sizeOf(sizes: Map<string, [number, number]>, name: string): [number, number] {
  const size = sizes.get(name);
  if (size === undefined)
    throw new Error(`Cannot export as "${name}" must be an image computed earlier: it is not`);
  return size;
}

function parametersOf<T>(map: Map<string, T>, name: string): T {
  const parameters = map.get(name);
  if (parameters === undefined)
    throw new Error(`Cannot export "${name}" as it must have parameters: it has none`);
  return parameters;
}
