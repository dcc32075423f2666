import type { Engine } from '../../engine/engine.ts';
import { exampleInput } from './example-input.ts';

/**
 * Runs every level twice on every open engine, for what `Engine.memory` measures: before anything else has freed memory that the first
 * runs would use again. @throws Error where `signal` is aborted.
 */
export async function runFirst(options: {
  engine: Engine;
  /** Inputs in one run: activations grow with them. */
  batch: number;
  signal?: AbortSignal;
}): Promise<void> {
  const { engine, batch, signal } = options;
  const input = exampleInput(engine.manifest, batch);
  for (const { name } of engine.engines)
    for (const level of engine.manifest.levels.keys())
      for (let run = 0; run < 2; run += 1) {
        signal?.throwIfAborted();
        await engine.run(input, batch, { level, engine: name });
      }
}
