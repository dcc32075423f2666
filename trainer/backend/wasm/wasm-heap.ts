import type { BackendWasm } from '@tensorflow/tfjs-backend-wasm';
import {
  getKernel,
  type KernelConfig,
  type NamedAttrMap,
  type NamedTensorInfoMap,
  registerKernel,
  type TensorInfo,
  unregisterKernel,
} from '@tensorflow/tfjs-core';

/** What a kernel of the wasm back end is called with. */
export type WasmKernelCall = { inputs: NamedTensorInfoMap; backend: BackendWasm; attrs: NamedAttrMap };
type WasmKernel = (call: WasmKernelCall) => TensorInfo | TensorInfo[];

/** Registers `kernel` for the wasm back end in place of any stock one. */
export function registerWasmKernel(kernelName: string, kernel: WasmKernel): void {
  if (getKernel(kernelName, 'wasm')) unregisterKernel(kernelName, 'wasm');
  // tfjs types a kernel's back end as unknown; one registered for 'wasm' is only ever called with the wasm back end.
  const kernelFunc = kernel as unknown as KernelConfig['kernelFunc'];
  registerKernel({ kernelName, backendName: 'wasm', kernelFunc });
}

/**
 * Calls another kernel from inside a kernel. Working on tensor infos below tfjs's engine, nothing is wrapped as a tensor, so
 * reference counts stay as they are; the caller disposes the answer with `disposeInfo`.
 */
export function callKernel(
  backend: BackendWasm,
  kernelName: string,
  inputs: NamedTensorInfoMap,
  attrs: NamedAttrMap,
): TensorInfo {
  const kernel = getKernel(kernelName, 'wasm');
  if (!kernel) throw new Error(`Cannot call kernel "${kernelName}" as the wasm back end does not have it`);
  const output = kernel.kernelFunc({ inputs, backend, attrs });
  return Array.isArray(output) ? output[0] : output;
}

export function disposeInfo(backend: BackendWasm, ...infos: TensorInfo[]): void {
  for (const info of infos) backend.disposeData(info.dataId);
}

/** An output of the kernel, its memory not yet written. */
export function allocate(backend: BackendWasm, shape: readonly number[]): TensorInfo {
  return backend.makeOutput([...shape], 'float32');
}

/**
 * The tensor's float32 values inside the wasm heap. An allocation may grow the heap, which detaches every view taken before
 * it: allocate first, then take views.
 */
export function view(backend: BackendWasm, info: TensorInfo): Float32Array {
  return backend.typedArrayFromHeap(info) as Float32Array;
}
