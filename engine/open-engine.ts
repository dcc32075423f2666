import type { Bundle } from '../bundle/read-bundle.ts';
import type { Engine, EngineName, OpenOptions } from './engine.ts';
import { openThreadEngine } from './thread/thread-engine.ts';

/**
 * Opens a bundle for inference. With the engine `auto`, the levels are open in both engines, where both can run them, and a calibration
 * tells which of them is faster at which level; until then, the sparse one runs what is sparse.
 *
 * @example
 * const engine = await openEngine(await readBundle('runs/shapes/bundle'));
 * const { output, level } = await engine.run(new Float32Array(28 * 28), 1);
 * await engine.close();
 */
export async function openEngine(bundle: Bundle, options: OpenOptions = {}): Promise<Engine> {
  const { engine: wished = 'auto' } = options;
  const names: EngineName[] = wished === 'auto' ? ['ort', 'sparse'] : [wished];
  const engine = await openThreadEngine(bundle, names, options);
  if (engine.engines.length > 1)
    for (const [level, { sparsity }] of bundle.manifest.levels.entries())
      engine.setEngine(level, sparsity >= sparseFrom ? 'sparse' : 'ort');
  return engine;
}

/** From here on skipping zeros pays through WebAssembly, too (README, figures); a calibration knows better. */
const sparseFrom = 0.85;
