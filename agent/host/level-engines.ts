import type { Engine } from '../../engine/engine.ts';
import { packageVersion } from '../package-version.ts';

type Engines = Pick<Engine, 'manifest' | 'engines' | 'engineOf' | 'skipped'>;

/** What runs a level: `sparse (native-avx2)` or `onnxruntime 1.22.0 (cpu)`. */
export function engineOfLevel(engine: Pick<Engines, 'engines' | 'engineOf'>, level: number): string {
  const name = engine.engineOf(level);
  const provider = engine.engines.find((one) => one.name === name)?.provider ?? 'unknown';
  const library = name === 'ort' ? `onnxruntime ${packageVersion('onnxruntime-node') ?? 'unknown'}` : name;
  return `${library} (${provider})`.slice(0, 100);
}

/** What runs each level, and what does not run and why. */
export function levelEngines(engine: Engines) {
  return {
    levels: engine.manifest.levels.map((_, level) => engineOfLevel(engine, level)),
    skipped: engine.skipped,
  };
}

/** One sentence for the log: the engine of each level and, if only one engine runs, why not the other. */
export function describeLevelEngines(engine: Engines): string {
  const { levels, skipped } = levelEngines(engine);
  const runs = levels.map((name, level) => `level ${level} on ${name}`).join(', ');
  const open = new Set(engine.engines.map(({ name }) => name));
  const missing = skipped.filter(({ engine: name }) => !open.has(name));
  const whyNot = missing.map(({ engine: name, reason }) => `not on ${name}: ${reason}`);
  const choice = open.size > 1 ? ['the faster engine of each level, as calibrated'] : [];
  return [runs, ...choice, ...whyNot].join('; ');
}
