import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createRequestQueue } from '../../../agent/serve/request-queue.ts';
import { createRequestStats } from '../../../agent/serve/request-stats.ts';
import { fakeEngine } from '../fake-engine.ts';

const input = new Float32Array(64);

function setUp(maxWaiting: number, isStalled = () => false) {
  const engine = fakeEngine();
  engine.hold = true;
  const clock = { nowMs: 0 };
  const queue = createRequestQueue({
    run: ({ input, batch, level }) => engine.run(input, batch, level === undefined ? {} : { level }),
    leastMs: () => 2,
    maxWaiting: () => maxWaiting,
    isStalled,
    monotonicMs: () => clock.nowMs,
  });
  return { engine, queue, clock };
}

/** Lets promises that are settled run their course. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

it('hands two runs to the engine and keeps the others in order', async () => {
  const { engine, queue } = setUp(10);
  const answers = [0, 1, 2, 0, 1].map((level) => queue.submit({ input, batch: 1, level, dueMs: 100 }));
  expect([engine.waiting, queue.depth]).toEqual([2, 5]);
  for (let i = 0; i < 5; i += 1) {
    engine.release();
    await settle();
  }
  expect((await Promise.all(answers)).map(({ level }) => level)).toEqual([0, 1, 2, 0, 1]);
  expect(engine.ran).toEqual([0, 1, 2, 0, 1]);
  expect(queue.depth).toBe(0);
});

it('begins what is due first, and what is due at the same time in the order of the calls', async () => {
  const { engine, queue } = setUp(10);
  const dues = [50, 50, 40, 20, 40, 30];
  const order: number[] = [];
  const answers = dues.map((dueMs, index) =>
    queue.submit({ input, batch: 1, dueMs }).then(() => order.push(index)),
  );
  for (let i = 0; i < dues.length; i += 1) {
    engine.release();
    await settle();
  }
  await Promise.all(answers);
  // Two stood with the engine before the others came.
  expect(order).toEqual([0, 1, 3, 5, 2, 4]);
});

it('while the engine is stalled it refuses what is overdue, with the engine or not, and goes on when it runs again', async () => {
  let stalled = true;
  const { engine, queue, clock } = setUp(10, () => stalled);
  const results = [5, 50, 6, 50].map((dueMs) =>
    queue.submit({ input, batch: 1, dueMs }).then(
      () => 'answered',
      ({ status, message }) => `${status} ${message}`,
    ),
  );
  clock.nowMs = 20;
  const replaced = /^503 .*deadline as an inference thread must run: it is being replaced/;
  expect(await results[0]).toMatch(replaced);
  expect(await results[2]).toMatch(replaced);
  stalled = false;
  while (queue.depth > 0) {
    engine.release();
    await settle();
  }
  expect([await results[1], await results[3]]).toEqual(['answered', 'answered']);
});

it('refuses what can no longer be in time where others wait behind it, and says by how much', async () => {
  const { engine, queue, clock } = setUp(10);
  const results = [100, 100, 11, 12, 100].map((dueMs) =>
    queue.submit({ input, batch: 1, dueMs }).then(
      () => 'answered',
      (error: Error) => error.message,
    ),
  );
  clock.nowMs = 10;
  for (let i = 0; i < 4; i += 1) {
    engine.release();
    await settle();
  }
  expect(await Promise.all(results)).toEqual([
    'answered',
    'answered',
    expect.stringMatching(/takes at least 2.0 ms: 1.0 ms are left/),
    'answered',
    'answered',
  ]);
});

it('answers late what nobody waits behind', async () => {
  const { engine, queue, clock } = setUp(10);
  engine.hold = false;
  clock.nowMs = 500;
  expect(await queue.submit({ input, batch: 1, dueMs: 100 })).toMatchObject({ level: 0 });
});

it('a full queue makes room by refusing what is late', async () => {
  const { engine, queue, clock } = setUp(2);
  const results = [100, 100, 5, 6].map((dueMs) =>
    queue.submit({ input, batch: 1, dueMs }).then(
      () => 'answered',
      (error: Error) => error.name,
    ),
  );
  clock.nowMs = 10;
  const last = queue.submit({ input, batch: 1, dueMs: 100 });
  for (let i = 0; i < 3; i += 1) {
    engine.release();
    await settle();
  }
  expect(await last).toMatchObject({ level: 0 });
  expect(await Promise.all(results)).toEqual(['answered', 'answered', 'LateError', 'LateError']);
});

it('refuses with 503 what would wait beyond its bound', async () => {
  const { engine, queue } = setUp(1);
  const taken = [1, 2, 3].map(() => queue.submit({ input, batch: 1, dueMs: 100 }));
  await expect(queue.submit({ input, batch: 1, dueMs: 100 })).rejects.toMatchObject({ status: 503 });
  for (let i = 0; i < 3; i += 1) {
    engine.release();
    await settle();
  }
  expect(await Promise.all(taken)).toHaveLength(3);
});

it('a run that fails rejects its own request and no other', async () => {
  const { engine, queue } = setUp(5);
  const results = [1, 2, 3].map(() =>
    queue.submit({ input, batch: 1, dueMs: 100 }).catch((error: Error) => error.message),
  );
  engine.release();
  engine.release(new Error('this one'));
  await settle();
  engine.release();
  expect(await Promise.all(results)).toMatchObject([{ level: 0 }, 'this one', { level: 0 }]);
});

it('close() lets what was taken be answered and refuses what comes after', async () => {
  const { engine, queue } = setUp(5);
  const taken = queue.submit({ input, batch: 1, dueMs: 100 });
  const closing = queue.close(60_000);
  await expect(queue.submit({ input, batch: 1, dueMs: 100 })).rejects.toMatchObject({ status: 503 });
  engine.release();
  expect(await taken).toMatchObject({ level: 0 });
  expect(await closing).toBe(true);
  expect(await queue.close(0)).toBe(true);
});

it('close() refuses what still waits when its time is over', async () => {
  const { queue } = setUp(5);
  const results = [1, 2, 3].map(() => queue.submit({ input, batch: 1, dueMs: 100 }));
  const last = expect(results[2]).rejects.toMatchObject({ status: 503 });
  expect(await queue.close(1)).toBe(false);
  await last;
});

it('answers or refuses every request exactly once, whatever the order of arrivals, ends and failures', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.constantFrom('submit', 'release', 'fail'), { maxLength: 60 }),
      fc.integer({ min: 1, max: 5 }),
      async (events, maxWaiting) => {
        const { engine, queue } = setUp(maxWaiting);
        const outcomes: string[] = [];
        let submitted = 0;
        for (const event of events) {
          if (event === 'release') engine.release();
          else if (event === 'fail') engine.release(new Error('failed'));
          else {
            submitted += 1;
            queue.submit({ input, batch: 1, dueMs: 100 }).then(
              () => outcomes.push('answered'),
              () => outcomes.push('refused'),
            );
          }
          await settle();
          expect(engine.waiting).toBeLessThanOrEqual(2);
          expect(queue.depth).toBeLessThanOrEqual(2 + maxWaiting);
        }
        engine.hold = false;
        while (engine.waiting > 0) {
          engine.release();
          await settle();
        }
        expect(outcomes.length).toBe(submitted);
      },
    ),
    { numRuns: 30 },
  );
});

it('statistics count a window, and begin anew when it is taken', () => {
  let clockMs = 0;
  const stats = createRequestStats({ levels: 2, monotonicMs: () => clockMs });
  const observation = { level: 1, batch: 1, startMs: 0, inferMs: 1, deadlineMs: 10 };
  for (const latencyMs of [5, 10, 30]) {
    stats.arrived(2);
    stats.answered({ ...observation, latencyMs });
  }
  stats.rejected();
  clockMs = 1000;
  expect(stats.inputsPerS()).toBe(6);
  expect(stats.takeWindow()).toEqual({
    windowMs: 1000,
    requests: 3,
    deadlineHits: 2,
    latencyP50Ms: 10,
    latencyP99Ms: 30,
    byLevel: [0, 3],
    rejected: 1,
  });
  clockMs = 60_000;
  expect(stats.inputsPerS()).toBe(0);
  expect(stats.takeWindow()).toMatchObject({ requests: 0, latencyP50Ms: null, byLevel: [0, 0] });
  expect(stats.observations).toHaveLength(3);
});

it('statistics keep a bounded number of answers', () => {
  const stats = createRequestStats({ levels: 1, monotonicMs: () => 0 });
  for (let i = 0; i < 1000; i += 1)
    stats.answered({ level: 0, batch: 1, startMs: i, latencyMs: i, inferMs: 1, deadlineMs: 10 });
  expect(stats.observations).toHaveLength(256);
  expect(stats.observations.at(-1)?.startMs).toBe(999);
});
