import type { EngineMemory } from '../../engine/engine.ts';

export function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(bytes < 1e7 ? 2 : 1);
}

/** What all levels take in each engine, such as `ort about 8.26 MB, sparse 0.94 MB`. */
export function describeMemory(memory: readonly EngineMemory[]): string {
  return memory
    .map(({ engine, bytes, isExact }) => `${engine} ${isExact ? '' : 'about '}${megabytes(bytes)} MB`)
    .join(', ');
}
