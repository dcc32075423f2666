import fc from 'fast-check';
import { pino } from 'pino';
import { expect, it } from 'vitest';
import { openAgent } from '../../../agent/agent.ts';
import { parseProfile } from '../../../agent/profile/load-profile.ts';
import { accuraciesOf } from '../../../agent/serve/require-accuracy.ts';
import type { Manifest } from '../../../bundle/manifest.ts';
import { until } from '../../until.ts';
import { calibration } from '../decide/policy-input.ts';
import { type FakeEngine, fakeEngine, tinyManifest } from '../fake-engine.ts';

const profile = parseProfile('deadline_ms: 5\ninterval_ms: 1000\nhttp: { max_queue: 200 }\n', {
  name: 'test',
});

function accuracyOf(value: number): NonNullable<Manifest['levels'][number]['accuracy']> {
  const count = 10_000;
  return { metric: 'top1', value, correct: Math.round(value * count), count, data: 'drawn', split: 'test' };
}

/** Another bundle for the same door, with these accuracies. */
function manifestOf(accuracies: readonly (number | null)[]): Manifest {
  const levels = tinyManifest.levels.map((level, at) => {
    const { accuracy: _, ...rest } = level;
    const value = accuracies[at];
    return value === null || value === undefined ? rest : { ...rest, accuracy: accuracyOf(value) };
  });
  return { ...tinyManifest, levels };
}

/** An agent whose engines hold their runs until they are released; every run is written down with the accuracy of its level. */
async function setUp(manifest: Manifest) {
  const engines: FakeEngine[] = [];
  const ran: { id: number; accuracy: number | null }[] = [];
  const agent = openAgent({
    bundle: { dir: '', manifest, models: [] },
    profile,
    log: pino({ level: 'silent' }),
    http: false,
    root: '/nonexistent',
    calibration,
    openEngine: async (bundle) => {
      const accuracies = accuraciesOf(bundle.manifest);
      const engine = fakeEngine({
        manifest: bundle.manifest,
        // A crowded queue, which asks for relief.
        inferMs: () => 20,
        onRun: ([id = -1], level) => ran.push({ id, accuracy: accuracies[level] ?? null }),
      });
      engine.hold = true;
      engines.push(engine);
      return engine;
    },
  });
  await agent.start();
  return { agent, engines, ran };
}

const bounds = fc.constantFrom(undefined, 0.5, 0.65, 0.75, 0.85);
const bundles = fc.constantFrom<(number | null)[]>(
  [0.9, 0.8, 0.7],
  [0.8, 0.9, 0.6],
  [0.7, null, 0.9],
  [0.6, 0.55, 0.5],
);

const steps = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        kind: fc.constant('ask' as const),
        bound: bounds,
        // Some are due at once, so that the queue asks for relief.
        deadlineMs: fc.constantFrom(1, 5, 60_000),
      }),
    },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('level' as const), level: fc.nat(2) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('adapt' as const) }) },
    { weight: 4, arbitrary: fc.record({ kind: fc.constant('release' as const) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('bundle' as const), accuracies: bundles }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('crash' as const) }) },
  ),
  { maxLength: 40 },
);

it('no answer comes from a level below the accuracy that its request asks for, whatever happens meanwhile', async () => {
  await fc.assert(
    fc.asyncProperty(bundles, steps, async (first, plan) => {
      const { agent, engines, ran } = await setUp(manifestOf(first));
      const asked = new Map<number, number | undefined>();
      const outcomes: Promise<unknown>[] = [];
      const settle = (outcome: Promise<unknown>) => outcomes.push(Promise.allSettled([outcome]));
      const release = () => {
        for (const engine of engines) if (engine.waiting > 0) engine.release();
      };
      for (const step of plan) {
        if (step.kind === 'ask') {
          const id = asked.size;
          asked.set(id, step.bound);
          const input = new Float32Array(64).fill(id);
          const { bound, deadlineMs } = step;
          settle(agent.infer(input, { deadlineMs, ...(bound === undefined ? {} : { minAccuracy: bound }) }));
        }
        if (step.kind === 'level') await agent.obey({ kind: 'set_level', level: step.level });
        if (step.kind === 'adapt') await agent.obey({ kind: 'set_policy', policy: 'deadline' });
        if (step.kind === 'release') release();
        if (step.kind === 'crash') engines.at(-1)?.crash('gone');
        if (step.kind === 'bundle') {
          const replaced = agent.replaceBundle({
            dir: '',
            manifest: manifestOf(step.accuracies),
            models: [],
          });
          outcomes.push(replaced);
          // The bundle before it closes when its runs are answered.
          await new Promise((resolve) => setImmediate(resolve));
        }
      }
      let over = false;
      void Promise.all(outcomes).then(() => {
        over = true;
      });
      await until('every request is answered or refused', () => {
        release();
        return over;
      });
      await agent.stop();
      for (const { id, accuracy } of ran) {
        const bound = asked.get(id);
        if (bound !== undefined) expect(accuracy).toBeGreaterThanOrEqual(bound);
      }
    }),
    { numRuns: 60 },
  );
});

it('a request that the active level may answer keeps its bound over a swap before its run begins', async () => {
  const { agent, engines, ran } = await setUp(manifestOf([0.9, 0.8, 0.7]));
  const answer = agent.infer(new Float32Array(64), { minAccuracy: 0.9, deadlineMs: 60_000 });
  await agent.obey({ kind: 'set_level', level: 2 });
  await until('the engine has the run', () => engines[0]?.waiting === 1);
  engines[0]?.release();
  expect(await answer).toMatchObject({ level: 0 });
  expect(ran).toEqual([{ id: 0, accuracy: 0.9 }]);
  await agent.stop();
});

it('refuses a request that waits if the bundle that took over has no level so accurate', async () => {
  const { agent, engines } = await setUp(manifestOf([0.9, 0.8, 0.7]));
  const held = [0, 1].map((id) => agent.infer(new Float32Array(64).fill(id), { deadlineMs: 60_000 }));
  const waits = agent.infer(new Float32Array(64).fill(2), { minAccuracy: 0.85, deadlineMs: 60_000 });
  const refused = expect(waits).rejects.toMatchObject({
    status: 400,
    message: expect.stringMatching(/min_accuracy must be at most 0\.6/),
  });
  const replaced = agent.replaceBundle({ dir: '', manifest: manifestOf([0.6, 0.55, 0.5]), models: [] });
  await until('the next bundle is open', () => engines.length === 2);
  for (const engine of engines) engine.hold = false;
  while ((engines[0]?.waiting ?? 0) > 0) engines[0]?.release();
  await Promise.all([...held, replaced, refused]);
  await agent.stop();
});

it('refuses a level that is not as accurate as the same request asks', async () => {
  const { agent } = await setUp(manifestOf([0.9, 0.8, 0.7]));
  await expect(agent.infer(new Float32Array(64), { level: 2, minAccuracy: 0.75 })).rejects.toMatchObject({
    status: 400,
    message: expect.stringMatching(/accuracy is 0\.7; ask for one of the levels 0, 1/),
  });
  await agent.stop();
});
