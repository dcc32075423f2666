import { engine, type Tensor1D, type Tensor4D } from '@tensorflow/tfjs-core';

/** Batch normalisation with the batch's own statistics (Ioffe & Szegedy 2015), over all dimensions but the last. */
export type NormResult = { y: Tensor4D; mean: Tensor1D; variance: Tensor1D };
export type NormGradients = { dx: Tensor4D; dScale: Tensor1D; dBias: Tensor1D };

/** The kernels that each of our back ends registers for what stands below. */
export const normKernels = { norm: 'EbbNorm', normGrad: 'EbbNormGrad', reluGrad: 'EbbReluGrad' } as const;

/** y = (x - mean) / sqrt(variance + epsilon) * scale + bias; `variance` is the biased one. */
export function normForward(x: Tensor4D, scale: Tensor1D, bias: Tensor1D, epsilon: number): NormResult {
  const outputs = engine().runKernel(normKernels.norm, { x, scale, bias }, { epsilon });
  const [y, mean, variance] = outputs as unknown as [Tensor4D, Tensor1D, Tensor1D];
  return { y, mean, variance };
}

/**
 * The closed form: with xhat the normalised input and M the numbers in a channel, dBias = sum dy, dScale = sum dy*xhat,
 * dx = scale / sqrt(variance + epsilon) * (dy - dBias/M - xhat * dScale/M).
 */
export function normBackward(
  x: Tensor4D,
  dy: Tensor4D,
  scale: Tensor1D,
  mean: Tensor1D,
  variance: Tensor1D,
  epsilon: number,
): NormGradients {
  const inputs = { x, dy, scale, mean, variance };
  const outputs = engine().runKernel(normKernels.normGrad, inputs, { epsilon });
  const [dx, dScale, dBias] = outputs as unknown as [Tensor4D, Tensor1D, Tensor1D];
  return { dx, dScale, dBias };
}

/** dy where the activation's output y is positive, else 0. */
export function reluBackward(y: Tensor4D, dy: Tensor4D): Tensor4D {
  return engine().runKernel(normKernels.reluGrad, { y, dy }) as unknown as Tensor4D;
}
