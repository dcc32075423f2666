import {
  getKernel,
  type KernelConfig,
  type NamedAttrMap,
  type NamedTensorInfoMap,
  registerKernel,
  type TensorInfo,
  unregisterKernel,
} from '@tensorflow/tfjs-core';
import { normKernels } from '../norm.ts';
import { required } from '../required-input.ts';

/** The name under which tfjs-node registers its back end. */
export const nodeBackendName = 'tensorflow';

/** What we use of tfjs-node's back end, whose types come with the optional package. */
type NodeBackend = {
  binding: Record<'TF_ATTR_TYPE' | 'TF_ATTR_FLOAT' | 'TF_ATTR_BOOL' | 'TF_ATTR_STRING' | 'TF_FLOAT', number>;
  executeMultipleOutputs(
    op: string,
    attributes: { name: string; type: number; value: unknown }[],
    inputs: TensorInfo[],
    outputs: number,
  ): TensorInfo[];
  disposeData(dataId: object): boolean;
};

type Call = { inputs: NamedTensorInfoMap; backend: NodeBackend; attrs: NamedAttrMap };

/**
 * Registers on tfjs-node's back end what training needs and tfjs does not name: TensorFlow's fused batch norm with its gradient,
 * the gradient of the activation, and a faster convolution of one channel.
 */
export function registerNodeKernels(): void {
  register(normKernels.norm, norm);
  register(normKernels.normGrad, normGrad);
  register(normKernels.reluGrad, reluGrad);
  const stock = getKernel('Conv2D', nodeBackendName);
  const pad = getKernel('PadV2', nodeBackendName);
  if (!stock || !pad)
    throw new Error('Cannot train on tfjs-node as it must have the kernels Conv2D and PadV2');
  register('Conv2D', (call) => convolve(call, stock, pad));
}

function register(kernelName: string, kernel: (call: Call) => TensorInfo | TensorInfo[]): void {
  if (getKernel(kernelName, nodeBackendName)) unregisterKernel(kernelName, nodeBackendName);
  const kernelFunc = kernel as unknown as KernelConfig['kernelFunc'];
  registerKernel({ kernelName, backendName: nodeBackendName, kernelFunc });
}

function float({ binding }: NodeBackend, name: string) {
  return { name, type: binding.TF_ATTR_TYPE, value: binding.TF_FLOAT };
}

function normAttributes(backend: NodeBackend, epsilon: unknown) {
  const { binding } = backend;
  return [
    float(backend, 'T'),
    float(backend, 'U'),
    { name: 'epsilon', type: binding.TF_ATTR_FLOAT, value: epsilon },
    { name: 'data_format', type: binding.TF_ATTR_STRING, value: 'NHWC' },
    { name: 'is_training', type: binding.TF_ATTR_BOOL, value: true },
  ];
}

/** FusedBatchNormV3's outputs: y, batch mean and (unbiased) variance, then what the gradient wants: mean, biased variance, scratch. */
function norm({ inputs, backend, attrs }: Call): TensorInfo[] {
  const [x, scale, bias] = ['x', 'scale', 'bias'].map((name) => required(inputs, name));
  const attributes = normAttributes(backend, attrs.epsilon);
  // With is_training the running statistics are not read; their place is taken by tensors at hand.
  const outputs = backend.executeMultipleOutputs(
    'FusedBatchNormV3',
    attributes,
    [x, scale, bias, bias, scale],
    6,
  );
  const [y, batchMean, batchVariance, mean, variance, scratch] = outputs;
  for (const info of [batchMean, batchVariance, scratch]) backend.disposeData(info.dataId);
  return [y, mean, variance];
}

function normGrad({ inputs, backend, attrs }: Call): TensorInfo[] {
  const [dy, x, scale, mean, variance] = ['dy', 'x', 'scale', 'mean', 'variance'].map((name) =>
    required(inputs, name),
  );
  const attributes = normAttributes(backend, attrs.epsilon);
  // The last input is scratch of the GPU's kernel.
  const operands = [dy, x, scale, mean, variance, scale];
  const outputs = backend.executeMultipleOutputs('FusedBatchNormGradV3', attributes, operands, 5);
  const [dx, dScale, dBias, ...empty] = outputs;
  for (const info of empty) backend.disposeData(info.dataId);
  return [dx, dScale, dBias];
}

function reluGrad({ inputs, backend }: Call): TensorInfo {
  const operands = [required(inputs, 'dy'), required(inputs, 'y')];
  return backend.executeMultipleOutputs('ReluGrad', [float(backend, 'T')], operands, 1)[0];
}

/** Zero channels are added to an input of one: TensorFlow's kernel takes ten times as long for one channel as for three. */
function convolve(call: Call, stock: KernelConfig, pad: KernelConfig): TensorInfo {
  const run = (kernel: KernelConfig, inputs: NamedTensorInfoMap, attrs: NamedAttrMap) =>
    kernel.kernelFunc({ inputs, attrs, backend: call.backend }) as TensorInfo;
  const x = required(call.inputs, 'x');
  const filter = required(call.inputs, 'filter');
  if (filter.shape[2] !== 1) return run(stock, { x, filter }, call.attrs);
  const wide = (value: TensorInfo, axis: number) => {
    const paddings = value.shape.map((_, i) => [0, i === axis ? 2 : 0]);
    return run(pad, { x: value }, { paddings, constantValue: 0 } as unknown as NamedAttrMap);
  };
  const operands = { x: wide(x, 3), filter: wide(filter, 2) };
  const y = run(stock, operands, call.attrs);
  for (const info of Object.values(operands)) call.backend.disposeData(info.dataId);
  return y;
}
