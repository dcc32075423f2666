import { pino } from 'pino';
import { expect, it, onTestFinished } from 'vitest';
import { openAgent } from '../../agent/agent.ts';
import { parseProfile } from '../../agent/profile/load-profile.ts';
import { type Bundle, readBundle } from '../../bundle/read-bundle.ts';
import { writeBundle } from '../../bundle/write-bundle.ts';
import type { EngineName } from '../../engine/engine.ts';
import { openThreadEngine } from '../../engine/thread/thread-engine.ts';
import { fuzzRuns, fuzzTimeoutMs } from '../fuzz.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { drawNumbers, tinyBundle } from '../tiny-bundle.ts';
import { until } from '../until.ts';
import { calibration } from './decide/policy-input.ts';
import { put } from './sense/write-tree.ts';

const mortalThread = new URL('./mortal-thread.js', import.meta.url);
const deathChannel = 'ebb-test-death';
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const inputs = Array.from({ length: 5 }, (_, i) => drawNumbers(64, 50 + i));

async function makeBundle(seed: number): Promise<Bundle> {
  const dir = `${await temporaryFolder()}/bundle`;
  await writeBundle(dir, tinyBundle([16, 8, 4], seed));
  return readBundle(dir);
}

/** What a bundle answers: by input, by level. */
async function answersOf(bundle: Bundle, engine: EngineName): Promise<Float32Array[][]> {
  const opened = await openThreadEngine(bundle, [engine]);
  try {
    const rows: Float32Array[][] = [];
    for (const input of inputs) {
      const row: Float32Array[] = [];
      for (const level of bundle.manifest.levels.keys())
        row.push((await opened.run(input, 1, { level })).output);
      rows.push(row);
    }
    return rows;
  } finally {
    await opened.close();
  }
}

/** Clients that ask without a pause until they are told to stop, and what they were told. */
function startLoad(ask: (index: number) => Promise<'right' | 'wrong' | string>) {
  const told = new Map<string, number>();
  let over = false;
  const clients = Array.from({ length: 6 }, async (_, client) => {
    for (let i = client; !over; i += 1) {
      const outcome = await ask(i % inputs.length);
      told.set(outcome, (told.get(outcome) ?? 0) + 1);
      // Let the rest of the process have its turn.
      await pause(0);
    }
  });
  return {
    told,
    async stop() {
      over = true;
      await Promise.all(clients);
    },
  };
}

async function setUp(engine: EngineName, root = '/') {
  const errors: string[] = [];
  const bundles = [await makeBundle(1), await makeBundle(11)];
  const expected = await Promise.all(bundles.map((bundle) => answersOf(bundle, engine)));
  const clock = { jumpMs: 0 };
  const agent = openAgent({
    bundle: bundles[0]!,
    profile: parseProfile('interval_ms: 20\ndeadline_ms: 5000\nhttp: { port: 0, max_queue: 100 }', {
      name: 'chaos',
    }),
    log: pino({ level: 'error' }, { write: (line) => void errors.push(JSON.parse(line).msg) }),
    http: false,
    root,
    nowMs: () => Date.now() + clock.jumpMs,
    calibration,
    openEngine: (bundle, options) => openThreadEngine(bundle, [engine], options, mortalThread),
  });
  onTestFinished(() => agent.stop());
  await agent.start();
  const isRight = (index: number, level: number, output: Float32Array) =>
    expected.some((rows) => rows[index]![level]!.every((value, i) => Math.abs(value - output[i]!) < 1e-4));
  const ask = async (index: number): Promise<string> => {
    try {
      const { level, output } = await agent.infer(inputs[index]!, { level: index % 3 });
      return isRight(index, level, output) ? 'right' : 'wrong';
    } catch (error) {
      return (error as Error).message;
    }
  };
  return { agent, bundles, ask, clock, errors };
}

it.each(['sparse', 'ort'] as const)(
  'inference threads that die at random under load cost at most a request each, all are reported, and no answer is wrong (%s)',
  async (engine) => {
    const { ask, errors } = await setUp(engine);
    const load = startLoad(ask);
    const channel = new BroadcastChannel(deathChannel);
    onTestFinished(() => channel.close());
    const answered = (before: number) => until('answers go on', () => (load.told.get('right') ?? 0) > before);
    const { numRuns: deaths } = fuzzRuns(20);
    while (errors.length < deaths) {
      channel.postMessage('die');
      // Now and then while the next one is being opened, else at a random moment of its work.
      if (Math.random() < 0.1) await pause(Math.random() * 100);
      else await answered(load.told.get('right') ?? 0);
      await pause(Math.random() * 20);
    }
    await answered(load.told.get('right') ?? 0);
    await load.stop();
    const { right = 0, wrong, ...refused } = Object.fromEntries(load.told);
    expect(wrong).toBeUndefined();
    expect(right).toBeGreaterThan(deaths / 2);
    expect(errors.every((message) => /inference thread/.test(message))).toBe(true);
    expect(Object.keys(refused).every((message) => /inference thread ended/.test(message))).toBe(true);
    expect(Object.values(refused).reduce((sum, count) => sum + count, 0)).toBeLessThanOrEqual(errors.length);
  },
  fuzzTimeoutMs,
);

it(
  'a bundle that is replaced again and again under load, every tenth time by a broken one, costs no request',
  async () => {
    const { agent, bundles, ask } = await setUp('sparse');
    const load = startLoad(ask);
    const refused: string[] = [];
    const { numRuns: times } = fuzzRuns(20);
    for (let i = 1; i <= times; i += 1) {
      const bundle = bundles[i % 2]!;
      const broken = { ...bundle, models: bundle.models.map((bytes) => bytes.subarray(0, 40)) };
      await agent
        .replaceBundle(i % 10 === 0 ? broken : bundle)
        .catch((error: Error) => refused.push(error.message));
    }
    await load.stop();
    const { right = 0, ...others } = Object.fromEntries(load.told);
    expect(others).toEqual({});
    expect(right).toBeGreaterThan(times);
    // On an emulated machine there are fewer than ten.
    expect(refused).toHaveLength(Math.floor(times / 10));
    expect(refused.every((message) => /Cannot open bundle "tiny"/.test(message))).toBe(true);
  },
  fuzzTimeoutMs,
);

it('sensors that fail at random and a clock that jumps cost no request', async () => {
  const root = await temporaryFolder();
  const { ask, clock } = await setUp('sparse', root);
  const load = startLoad(ask);
  const contents = [
    '',
    '\0\xff',
    'cpu  1 2 3',
    'x'.repeat(100_000),
    'cpu  10 0 10 1000 0 0 0 0 0 0\n',
    '-1\n',
  ];
  const paths = [
    'proc/stat',
    'proc/meminfo',
    'proc/pressure/cpu',
    'sys/class/thermal/thermal_zone0/temp',
    'sys/class/power_supply/BAT0/capacity',
  ];
  for (let i = 0; i < 200; i += 1) {
    await put(root, paths[i % paths.length]!, contents[Math.floor(Math.random() * contents.length)]!);
    clock.jumpMs += (Math.random() - 0.5) * 1e10;
    await pause(3);
  }
  await load.stop();
  const { right = 0, ...others } = Object.fromEntries(load.told);
  expect(others).toEqual({});
  expect(right).toBeGreaterThan(100);
}, 60_000);
