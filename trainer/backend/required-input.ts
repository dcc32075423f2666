import type { NamedTensorInfoMap, TensorInfo } from '@tensorflow/tfjs-core';

/** @throws Error where the kernel was called without the input. */
export function required(inputs: NamedTensorInfoMap, name: string): TensorInfo {
  const info = inputs[name];
  if (!info) throw new Error(`Cannot run the kernel as it needs the input "${name}"`);
  return info;
}
