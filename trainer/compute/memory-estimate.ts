import { freemem } from 'node:os';
import type { BackendName } from '../backend/open-backend.ts';
import type { NetGraph } from '../net/graph.ts';
import { layoutOf } from '../net/parameters.ts';
import { shardSize } from './shards.ts';

/** What a WebAssembly memory of 32-bit addresses may have, less a tenth that stays unusable between blocks. */
export const wasmHeapBytes = 0.9 * 2 ** 32;

/**
 * Bytes that a pass takes at its peak, over those of all nodes' outputs. A worker frees nothing before a pass ends, so that outputs,
 * their gradients and a convolution's rearranged copies are there together.
 *
 * Measured as the WebAssembly heap after two passes (resnet8, resnet20, dscnn; 28 x 28 to 128 x 128): 2.4 to 2.9 and 1.1.
 */
const peakOverOutputs = { gradients: 2.7, forward: 1.1 };

/** Of a worker beside its tensors: Node's heap, and TensorFlow's library in a process of its own. */
const workerBytes: Record<BackendName, number> = { wasm: 2 ** 26, node: 2 ** 28 };

/** A batch, the next one, the shards that are cut from it, and their copies on the way to a worker. */
const batchCopies = 6;
const floatBytes = 4;

export type MemoryEstimate = {
  /** Tensors of one worker at its peak: what a WebAssembly heap must hold. */
  heapBytes: number;
  /** All workers together, and the batches in the main thread. */
  totalBytes: number;
};

/** Numbers in the outputs of all nodes for one sample. */
function outputsOf({ input, nodes }: NetGraph): number {
  const sizes = new Map<string, number>([['input', input[0] * input[1] * input[2]]]);
  const sizeOf = (name: string) => sizes.get(name) ?? 0;
  let sum = sizeOf('input');
  for (const node of nodes) {
    let size: number;
    if (node.kind === 'conv') size = node.outSize[0] * node.outSize[1] * node.outChannels;
    else if (node.kind === 'dense') size = node.outFeatures;
    else if (node.kind === 'add') size = sizeOf(node.from[0]);
    // Its output is small, and its gradient is as large as its input: the smaller error is to count half of it.
    else if (node.kind === 'pool') size = sizeOf(node.from) / 2;
    else size = sizeOf(node.from);
    sizes.set(node.name, size);
    sum += size;
  }
  return sum;
}

/** Tensors of a forward pass in one worker. */
const forwardBytes = 2 ** 29;

/**
 * Samples that a forward pass computes together: fewer than in training if they are large, as no batch that a user chose bounds them.
 * It depends on the net alone, so that a run that is resumed elsewhere ends in the same bits.
 */
export function forwardShard(graph: NetGraph): number {
  const each = peakOverOutputs.forward * floatBytes * outputsOf(graph);
  return Math.max(1, Math.min(shardSize, Math.floor(forwardBytes / each)));
}

/** @param batch samples in a step. */
export function estimateMemory(
  graph: NetGraph,
  options: { batch: number; workers: number; backend: BackendName },
): MemoryEstimate {
  const { batch, workers, backend } = options;
  const { weightCount } = layoutOf(graph);
  const sampleBytes = floatBytes * outputsOf(graph);
  const passBytes = Math.max(
    peakOverOutputs.gradients * sampleBytes * Math.min(batch, shardSize),
    peakOverOutputs.forward * sampleBytes * forwardShard(graph),
  );
  const heapBytes = passBytes + 3 * floatBytes * weightCount;
  const [height, width, channels] = graph.input;
  const batchBytes = batchCopies * floatBytes * height * width * channels * batch;
  // Statistics and validation keep every worker busy, whatever the batch is.
  const steps = Math.min(workers, Math.ceil(batch / shardSize)) * heapBytes;
  const forward = workers * peakOverOutputs.forward * sampleBytes * forwardShard(graph);
  const totalBytes = Math.max(steps, forward) + workers * workerBytes[backend] + batchBytes;
  return { heapBytes, totalBytes };
}

/**
 * What this process can still have: of the machine without swapping (MemAvailable on Linux), and below its container's limit, whose
 * file cache can be taken back.
 */
export function freeMemoryBytes(): number {
  const limit = process.constrainedMemory();
  // 0 is unknown, and without a limit the kernel gives a number beyond all memory.
  const headroom = limit > 0 ? limit - process.memoryUsage.rss() : Number.POSITIVE_INFINITY;
  return Math.max(0, Math.min(freemem(), headroom));
}
