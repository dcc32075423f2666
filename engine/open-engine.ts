import type { Bundle } from '../bundle/read-bundle.ts';
import type { Engine, OpenOptions } from './engine.ts';
import { openOrtEngine } from './ort/ort-engine.ts';

/**
 * Opens a bundle for inference.
 *
 * @example
 * const engine = await openEngine(await readBundle('runs/shapes/bundle'));
 * const { output, level } = await engine.run(new Float32Array(28 * 28), 1);
 * await engine.close();
 */
export function openEngine(bundle: Bundle, options?: OpenOptions): Promise<Engine> {
  return openOrtEngine(bundle, options);
}
