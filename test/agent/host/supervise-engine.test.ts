import { pino } from 'pino';
import { expect, it, onTestFinished } from 'vitest';
import { superviseEngine } from '../../../agent/host/supervise-engine.ts';
import { EngineEndedError } from '../../../engine/engine.ts';
import { until } from '../../until.ts';
import { type FakeEngine, fakeEngine } from '../fake-engine.ts';

const input = new Float32Array(64).fill(1);

/** Every engine that is opened holds its runs, so that the test says when they return. */
async function setUp(options: { hangMs?: number; broken?: number[] } = {}) {
  const made: FakeEngine[] = [];
  let opened = 0;
  const engine = await superviseEngine({
    open: async () => {
      opened += 1;
      if (options.broken?.includes(opened)) throw new Error('no memory');
      const fake = fakeEngine();
      fake.hold = true;
      made.push(fake);
      return fake;
    },
    hangMs: options.hangMs ?? 60_000,
    log: pino({ level: 'silent' }),
    delaysMs: [0],
  });
  onTestFinished(() => engine.close());
  return { engine, made };
}

/** Lets promises that are settled run their course. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

const outcome = (run: Promise<{ level: number }>) =>
  run.then(
    ({ level }) => level,
    (error: Error) => error,
  );

it('a thread that dies costs the run that it computed; the others are computed by the next one, in order', async () => {
  const { engine, made } = await setUp();
  const outcomes = [0, 1, 2].map((level) => outcome(engine.run(input, 1, { level })));
  made[0]!.crash('out of memory');
  await until('another thread has the other runs', () => made[1]?.waiting === 2);
  made[1]!.release();
  made[1]!.release();
  const [first, ...others] = await Promise.all(outcomes);
  expect(first).toBeInstanceOf(EngineEndedError);
  expect(others).toEqual([1, 2]);
  expect(made[1]!.ran).toEqual([1, 2]);
});

it('the next thread has the level and the threads of the one before', async () => {
  const { engine, made } = await setUp();
  engine.setLevel(2);
  made[0]!.crash('gone');
  await settle();
  const run = outcome(engine.run(input, 1));
  await until('another thread has the run', () => made[1]?.waiting === 1);
  made[1]!.release();
  expect(await run).toBe(2);
  expect(made[1]!.level).toBe(2);
  expect(engine.level).toBe(2);
});

it('a thread that hangs is given up, and only the run that it hangs in fails', async () => {
  const { engine, made } = await setUp({ hangMs: 30 });
  const outcomes = [outcome(engine.run(input, 1, { level: 0 })), outcome(engine.run(input, 1, { level: 1 }))];
  await until('another thread has the other run', () => made[1]?.waiting === 1);
  expect(made[0]!.over).toBe('abandoned');
  made[1]!.release();
  const [hung, other] = await Promise.all(outcomes);
  expect(String(hung)).toMatch(/has not returned for 30 ms/);
  expect(other).toBe(1);
});

it('opens again until it can; runs outlast one failure, and are rejected from the second one on', async () => {
  const { engine, made } = await setUp({ broken: [2, 3, 4] });
  expect(engine.isRunning).toBe(true);
  made[0]!.crash('gone');
  await settle();
  expect(engine.isRunning).toBe(false);
  expect(String(await outcome(engine.run(input, 1)))).toMatch(
    /no inference thread can be opened \(no memory\)/,
  );
  expect(String(await outcome(engine.run(input, 1)))).toMatch(/no memory/);
  await until('a later attempt has led to a thread', () => engine.isRunning);
  const run = outcome(engine.run(input, 1, { level: 1 }));
  made[1]!.release();
  expect(await run).toBe(1);
});

it('runs that wait outlast one attempt that fails', async () => {
  const { engine, made } = await setUp({ broken: [2] });
  made[0]!.crash('gone');
  await settle();
  const run = outcome(engine.run(input, 1, { level: 1 }));
  await until('the next thread has the run', () => made[1]?.waiting === 1);
  made[1]!.release();
  expect(await run).toBe(1);
});

it('ends, and says why, if six threads in a row cannot be opened', async () => {
  const { engine, made } = await setUp({ broken: [2, 3, 4, 5, 6, 7] });
  made[0]!.crash('gone');
  expect((await engine.ended).message).toMatch(/6 inference threads failed, .* \(no memory\)/);
  expect(engine.isRunning).toBe(false);
  expect(made).toHaveLength(1);
});

it('ends if six threads in a row die without an answer, and goes on if one has answered between', async () => {
  const { engine, made } = await setUp();
  for (let died = 0; died < 5; died += 1) {
    await until('the next thread is open', () => made.length === died + 1);
    made[died]!.crash('killed');
  }
  await until('the next thread is open', () => made.length === 6 && engine.isRunning);
  const run = outcome(engine.run(input, 1));
  made[5]!.release();
  expect(await run).toBe(0);
  for (let died = 5; died < 12; died += 1) {
    await until('the next thread is open', () => made.length === died + 1);
    made[died]!.crash('killed');
    await settle();
  }
  expect((await engine.ended).message).toMatch(/6 inference threads failed.*killed/);
});

it('gives up a thread that hangs while it opens, and ends if one after the other does', async () => {
  const first = fakeEngine();
  let opened = 0;
  const engine = await superviseEngine({
    open: () => (opened++ === 0 ? Promise.resolve(first) : new Promise(() => {})),
    hangMs: 60_000,
    log: pino({ level: 'silent' }),
    openLimitMs: 10,
    delaysMs: [0],
  });
  first.crash('gone');
  expect((await engine.ended).message).toMatch(/4 inference threads hang/);
});

it('ends, and says why, where one thread after the other hangs', async () => {
  const { engine } = await setUp({ hangMs: 10 });
  const outcomes = Array.from({ length: 6 }, () => outcome(engine.run(input, 1)));
  expect((await engine.ended).message).toMatch(/4 inference threads hang/);
  expect((await Promise.all(outcomes)).every((result) => result instanceof EngineEndedError)).toBe(true);
  await expect(engine.run(input, 1)).rejects.toThrow(EngineEndedError);
});

it('a run that the next thread refuses at once costs no other', async () => {
  const { engine, made } = await setUp();
  made[0]!.crash('gone');
  await settle();
  const outcomes = [outcome(engine.run(new Float32Array(3), 2)), outcome(engine.run(input, 1, { level: 1 }))];
  await until('another thread has the valid run', () => made[1]?.waiting === 1);
  made[1]!.release();
  const [refused, other] = await Promise.all(outcomes);
  expect(refused).toBeInstanceOf(RangeError);
  expect(other).toBe(1);
});

it('close() refuses what waits, and opens nothing more', async () => {
  const { engine, made } = await setUp();
  const run = outcome(engine.run(input, 1));
  await engine.close();
  expect(await run).toBeInstanceOf(EngineEndedError);
  await new Promise((resolve) => setTimeout(resolve, 5));
  expect(made).toHaveLength(1);
});

it('a run that fails by itself costs no thread', async () => {
  const { engine, made } = await setUp();
  const run = outcome(engine.run(input, 1));
  made[0]!.release(new Error('bad model'));
  expect(String(await run)).toMatch(/bad model/);
  expect(made).toHaveLength(1);
});
