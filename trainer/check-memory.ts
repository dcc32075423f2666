import { UsageError } from '../terminal/usage-error.ts';
import type { BackendName } from './backend/open-backend.ts';
import { estimateMemory, freeMemoryBytes, wasmHeapBytes } from './compute/memory-estimate.ts';
import type { NetGraph } from './net/graph.ts';

/** A batch that training takes; see `settingsSchema`. */
const leastBatch = 2;

export type MemoryNeeds = { graph: NetGraph; batch: number; workers: number; backend: BackendName };

/**
 * Refuses a training that would run out of memory, before its first step.
 *
 * @param freeBytes what this process can still have.
 * @throws UsageError that names the images' size, the batch and the largest one that fits.
 */
export function checkMemory(needs: MemoryNeeds, freeBytes = freeMemoryBytes()): void {
  const { graph, batch, backend } = needs;
  const lack = lackOf(needs, batch, freeBytes);
  if (lack === undefined) return;
  let fitting = batch - 1;
  while (fitting >= leastBatch && lackOf(needs, fitting, freeBytes)) fitting -= 1;
  const cure =
    fitting >= leastBatch
      ? `lower --batch to ${fitting} or less, or make the images smaller`
      : `make the images smaller, or lower --width: not even --batch ${leastBatch} fits`;
  const [height, width, channels] = graph.input;
  throw new UsageError(
    `Cannot train "${graph.name}" on ${width} x ${height} x ${channels} (width x height x channels) with --batch ${batch} on the back end "${backend}" as ${lack.requirement}: current estimate is ${inGb(lack.bytes)}; ${cure}`,
  );
}

function lackOf(
  { graph, workers, backend }: MemoryNeeds,
  batch: number,
  freeBytes: number,
): { requirement: string; bytes: number } | undefined {
  const { heapBytes, totalBytes } = estimateMemory(graph, { batch, workers, backend });
  if (backend === 'wasm' && heapBytes > wasmHeapBytes)
    return {
      requirement: `one thread's share must fit into ${inGb(wasmHeapBytes)} of WebAssembly memory`,
      bytes: heapBytes,
    };
  if (totalBytes > freeBytes)
    return {
      requirement: `it must fit into the ${inGb(freeBytes)} of memory that are free`,
      bytes: totalBytes,
    };
  return undefined;
}

function inGb(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}
