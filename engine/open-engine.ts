import { type Bundle, requireBundle } from '../bundle/read-bundle.ts';
import { requireInteger, requireLevel, requireName, requireOptions } from '../errors/check-arguments.ts';
import { ArgumentError } from '../errors/ebb-error.ts';
import { type Engine, type EngineName, engineNames, type OpenOptions } from './engine.ts';
import { openThreadEngine } from './thread/thread-engine.ts';

/**
 * Opens a bundle for inference. With the engine `auto`, the levels are open in both engines, where both can run them, and a calibration
 * tells which of them is faster at which level; until then, the sparse one runs what is sparse.
 *
 * @example
 * ```ts
 * const engine = await openEngine(await readBundle('runs/shapes/bundle'));
 * const { output, level } = await engine.run(new Float32Array(28 * 28), 1);
 * await engine.close();
 * ```
 *
 * @throws EbbError always as a rejection: `EBB_INVALID_ARGUMENT`, `EBB_UNKNOWN_LEVEL`, or `EBB_ENGINE_UNAVAILABLE` if no engine can open
 * the bundle.
 */
export async function openEngine(bundle: Bundle, options: OpenOptions = {}): Promise<Engine> {
  const { engine: wished = 'auto' } = checkOptions(bundle, options);
  const names: EngineName[] = wished === 'auto' ? ['ort', 'sparse'] : [wished];
  const engine = await openThreadEngine(bundle, names, options);
  if (engine.engines.length > 1)
    for (const [level, { sparsity }] of bundle.manifest.levels.entries())
      engine.setEngine(level, sparsity >= sparseFrom ? 'sparse' : 'ort');
  return engine;
}

const action = 'open an engine';
const maxThreads = 256;

function checkOptions(bundle: Bundle, options: OpenOptions): OpenOptions {
  requireBundle(action, bundle);
  requireOptions(action, options, ['engine', 'threads', 'providers', 'level']);
  const { engine, threads, providers, level } = options;
  if (engine !== undefined) requireName(action, 'engine', engine, ['auto', ...engineNames]);
  if (threads !== undefined) requireInteger(action, 'threads', threads, [1, maxThreads]);
  if (level !== undefined) requireLevel(action, level, bundle.manifest.levels.length);
  const isList = Array.isArray(providers) && providers.length > 0;
  if (providers !== undefined && !(isList && providers.every((name) => typeof name === 'string')))
    throw new ArgumentError(
      'EBB_INVALID_ARGUMENT',
      `Cannot ${action} as providers must be names of onnxruntime's execution providers, at least one: such as ["cpu"]`,
    );
  return options;
}

/** From here on skipping zeros pays through WebAssembly, too (README, figures); a calibration knows better. */
const sparseFrom = 0.85;
