import { describe, expect, it } from 'vitest';
import { describeLevelEngines, engineOfLevel } from '../../../agent/host/level-engines.ts';
import { describeEngine } from '../../../agent/report/describe-device.ts';
import type { Engine } from '../../../engine/engine.ts';
import { fakeEngine } from '../fake-engine.ts';

const reason =
  'Cannot run node "e" (Erf) in the sparse engine as its operator must be one of Add; use the engine "ort"';

function engineWith(change: Partial<Engine>): Engine {
  return Object.assign(Object.create(fakeEngine()), change) as Engine;
}

describe('describeLevelEngines()', () => {
  it('names the engine of each level', () => {
    const both = {
      engines: [
        { name: 'ort', provider: 'cpu' },
        { name: 'sparse', provider: 'native-avx2' },
      ],
    } as const;
    const engine = engineWith({ ...both, engineOf: (level) => (level === 0 ? 'ort' : 'sparse') });
    expect(describeLevelEngines(engine)).toMatch(
      /^level 0 on onnxruntime [\d.]+ \(cpu\), level 1 on sparse \(native-avx2\).*as calibrated$/,
    );
    expect(engineOfLevel(engine, 1)).toBe('sparse (native-avx2)');
    expect(describeEngine({ ...both, level: 1, engineOf: engine.engineOf })).toBe('sparse (native-avx2)');
  });

  it('says why an engine runs no level', () => {
    const engine = engineWith({
      engines: [{ name: 'ort', provider: 'cpu' }],
      skipped: [{ engine: 'sparse', provider: 'sparse', reason }],
      engineOf: () => 'ort',
    });
    expect(describeLevelEngines(engine)).toContain(`; not on sparse: ${reason}`);
  });
});
