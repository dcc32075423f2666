import { describe } from 'vitest';
import { type BackendName, missingNodeBackend } from '../../trainer/backend/open-backend.ts';

/** The same tests on both back ends; tfjs-node's are skipped, with the reason in their name, where it is not installed. */
export function describeBackends(name: string, tests: (backend: BackendName) => void): void {
  describe(`${name} on wasm`, () => tests('wasm'));
  const missing = missingNodeBackend();
  describe.skipIf(missing !== undefined)(`${name} on node${missing ? ` (skipped: ${missing})` : ''}`, () =>
    tests('node'),
  );
}
