import type { Manifest } from '../../bundle/manifest.ts';
import type { Engine } from '../../engine/engine.ts';
import type { DeviceInfo } from '../../wire/info.ts';
import { engineOfLevel } from '../host/level-engines.ts';
import { ebbVersion } from '../package-version.ts';
import type { Identity } from '../sense/identity.ts';

/** What the broker is told of this device and the bundle that it serves. */
export function describeDevice(options: {
  identity: Identity;
  manifest: Manifest;
  sensors: readonly string[];
  engine: Pick<Engine, 'level' | 'engines' | 'engineOf'>;
}): DeviceInfo {
  const { identity, manifest, sensors, engine } = options;
  return {
    board: identity.board,
    os: identity.os.slice(0, 200),
    cpu: identity.cpu,
    cores: identity.cores,
    memoryBytes: identity.memoryBytes,
    bundle: {
      name: manifest.name,
      levels: manifest.levels.map(({ sparsity, macs, accuracy }) => ({
        sparsity,
        macs,
        accuracy: accuracy?.value ?? null,
      })),
    },
    sensors: [...sensors],
    engine: describeEngine(engine),
    ebbVersion: ebbVersion(),
  };
}

/** What runs the active level. */
export function describeEngine(engine: Pick<Engine, 'level' | 'engines' | 'engineOf'>): string {
  return engineOfLevel(engine, engine.level);
}

/** A host's name as a topic may carry it. */
export function deviceName(hostname: string): string {
  return hostname.replace(/[^A-Za-z0-9._-]/g, '-').slice(0, 64) || 'device';
}
