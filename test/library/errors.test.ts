import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  type AgentOptions,
  createAgent,
  EbbError,
  type ErrorCode,
  loadProfile,
  openEngine,
  type Profile,
  readBundle,
  writeBundle,
} from '../../index.ts';
import { calibration } from '../agent/decide/policy-input.ts';
import { projectRoot } from '../project-root.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { tinyBundle } from '../tiny-bundle.ts';

const input = new Float32Array(64).fill(0.5);
const withNaN = new Float32Array(64).fill(Number.NaN, 3, 4);
const withInfinity = new Float32Array(64).fill(Number.POSITIVE_INFINITY, 63);

/** What a careless caller in JavaScript passes. */
// biome-ignore lint/suspicious/noExplicitAny: the point is that the types are ignored.
const any = (value: unknown) => value as any;

async function openTiny() {
  const dir = join(await temporaryFolder(), 'bundle');
  await writeBundle(dir, tinyBundle());
  return { dir, bundle: await readBundle(dir) };
}

const quick = () => loadProfile(join(projectRoot, 'test/fixtures/quick.yaml'));

async function startTiny(options: Partial<AgentOptions> = {}) {
  const { dir, bundle } = await openTiny();
  const profile = await quick();
  const agent = createAgent({ bundle, profile, http: false, calibration, ...options });
  onTestFinished(() => agent.stop());
  await agent.start();
  return { agent, bundle, dir, profile };
}

/** The call must return a promise, whatever is wrong, and reject with one of ebb's own errors. */
async function codeOf(call: () => Promise<unknown>): Promise<ErrorCode> {
  let promise: Promise<unknown> | undefined;
  expect(() => {
    promise = call();
  }).not.toThrow();
  const error = await promise!.then(
    () => expect.unreachable('the call succeeds'),
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(EbbError);
  return (error as EbbError).code;
}

const wrongCalls: [what: string, call: [input: unknown, options?: unknown], code: ErrorCode][] = [
  ['level 99', [input, { level: 99 }], 'EBB_UNKNOWN_LEVEL'],
  ['level -1', [input, { level: -1 }], 'EBB_UNKNOWN_LEVEL'],
  ['level 0.5', [input, { level: 0.5 }], 'EBB_UNKNOWN_LEVEL'],
  ['level "0"', [input, { level: '0' }], 'EBB_UNKNOWN_LEVEL'],
  ['level null', [input, { level: null }], 'EBB_UNKNOWN_LEVEL'],
  ['a deadline of -5 ms', [input, { deadlineMs: -5 }], 'EBB_INVALID_ARGUMENT'],
  ['a deadline of 0 ms', [input, { deadlineMs: 0 }], 'EBB_INVALID_ARGUMENT'],
  ['a deadline that is NaN', [input, { deadlineMs: Number.NaN }], 'EBB_INVALID_ARGUMENT'],
  ['a deadline without end', [input, { deadlineMs: Number.POSITIVE_INFINITY }], 'EBB_INVALID_ARGUMENT'],
  ['an accuracy of 90', [input, { minAccuracy: 90 }], 'EBB_INVALID_ARGUMENT'],
  ['an accuracy that is NaN', [input, { minAccuracy: Number.NaN }], 'EBB_INVALID_ARGUMENT'],
  ['an accuracy that no level has', [input, { minAccuracy: 1 }], 'EBB_ACCURACY_UNREACHABLE'],
  ['a batch of 0', [input, { batch: 0 }], 'EBB_INVALID_ARGUMENT'],
  ['a batch of 1.5', [input, { batch: 1.5 }], 'EBB_INVALID_ARGUMENT'],
  ['a batch of a million', [input, { batch: 1e6 }], 'EBB_INVALID_ARGUMENT'],
  ['an option that is misspelt', [input, { deadline: 5 }], 'EBB_INVALID_ARGUMENT'],
  ['options that are null', [input, null], 'EBB_INVALID_ARGUMENT'],
  ['a NaN', [withNaN], 'EBB_INVALID_INPUT'],
  ['an infinity', [withInfinity], 'EBB_INVALID_INPUT'],
  ['an input that is too short', [new Float32Array(63)], 'EBB_INVALID_INPUT'],
  ['an input for another batch', [input, { batch: 2 }], 'EBB_INVALID_INPUT'],
  ['an array', [[...input]], 'EBB_INVALID_INPUT'],
  ['a Float64Array', [new Float64Array(64)], 'EBB_INVALID_INPUT'],
  ['no input', [undefined], 'EBB_INVALID_INPUT'],
];

describe('agent.infer()', () => {
  it('refuses what is wrong at the door, with a code, and answers the next call', async () => {
    const { agent } = await startTiny();
    for (const [what, call, code] of wrongCalls)
      expect([what, await codeOf(() => agent.infer(any(call[0]), any(call[1])))]).toEqual([what, code]);
    const { output, level } = await agent.infer(input, { level: 1, deadlineMs: undefined });
    expect([output.length, level]).toEqual([3, 1]);
    await expect(agent.infer(input, { level: 99 })).rejects.toThrow(/must be 0 to 2: current value is 99/);
    await expect(agent.infer(withNaN)).rejects.toThrow(/finite numbers: current value is NaN at index 3/);
  });

  it('copies its input: what the caller writes afterwards changes no answer', async () => {
    const { agent } = await startTiny();
    const own = new Float32Array(input);
    const expected = await agent.infer(input, { level: 0 });
    const asked = agent.infer(own, { level: 0 });
    own.fill(Number.NaN);
    expect((await asked).output).toEqual(expected.output);
  });

  it('before the start, beside a stop and after it every method rejects with a code', async () => {
    const { bundle, profile } = await startTiny();
    const agent = createAgent({ bundle, profile, http: false, calibration });
    expect(await codeOf(() => agent.infer(input))).toBe('EBB_NOT_READY');
    expect(await codeOf(() => agent.setLevel(1))).toBe('EBB_NOT_READY');
    expect(await codeOf(() => agent.replaceBundle(bundle))).toBe('EBB_NOT_READY');
    await agent.start();
    const beside = Promise.allSettled(Array.from({ length: 20 }, () => agent.infer(input)));
    const stops = [agent.stop(), agent.stop()];
    for (const one of await beside)
      if (one.status === 'rejected') expect(one.reason).toMatchObject({ code: 'EBB_CLOSED' });
    await Promise.all(stops);
    await agent.stop();
    for (const call of [
      () => agent.infer(input),
      () => agent.setLevel(1),
      () => agent.setPolicy('deadline'),
      () => agent.reload(),
      () => agent.replaceBundle(bundle),
      () => agent.start(),
    ])
      expect(await codeOf(call)).toBe('EBB_CLOSED');
    expect(await agent.ended).toMatchObject({ code: 'EBB_CLOSED' });
  });
});

describe('agent.setLevel() and agent.setPolicy()', () => {
  it('take plain values, and refuse wrong ones', async () => {
    const { agent } = await startTiny();
    await agent.setLevel(2);
    expect([agent.level, agent.policy]).toEqual([2, 'fixed']);
    await agent.setPolicy('deadline');
    expect(agent.policy).toBe('deadline');
    await agent.setPolicy('fixed', 1);
    expect([agent.level, agent.policy]).toEqual([1, 'fixed']);
    for (const level of [3, -1, 0.5, Number.NaN, '1', null, undefined])
      expect(await codeOf(() => agent.setLevel(any(level)))).toBe('EBB_UNKNOWN_LEVEL');
    expect(await codeOf(() => agent.setPolicy('fixed', 3))).toBe('EBB_UNKNOWN_LEVEL');
    for (const policy of ['adaptive', undefined, null, { policy: 'fixed' }])
      expect(await codeOf(() => agent.setPolicy(any(policy)))).toBe('EBB_INVALID_ARGUMENT');
    expect(await codeOf(() => agent.setPolicy('deadline', 1))).toBe('EBB_INVALID_ARGUMENT');
    expect([agent.level, agent.policy]).toEqual([1, 'fixed']);
  });

  it('a reload without a source, and another bundle that does not fit, are refused with a code', async () => {
    const { agent, bundle } = await startTiny();
    expect(await codeOf(() => agent.reloadBundle())).toBe('EBB_INVALID_ARGUMENT');
    expect(await codeOf(() => agent.replaceBundle(any(undefined)))).toBe('EBB_INVALID_ARGUMENT');
    const other = { ...bundle, manifest: { ...bundle.manifest, name: 'other' } };
    expect(await codeOf(() => agent.replaceBundle(other))).toBe('EBB_BUNDLE_INCOMPATIBLE');
  });
});

describe('createAgent()', () => {
  it('refuses missing, unknown and wrong options before anything is opened', async () => {
    const { bundle } = await openTiny();
    const profile = await quick();
    const wrong: unknown[] = [
      undefined,
      {},
      { bundle },
      { bundle: 'runs/x/bundle', profile },
      { bundle, profile: 'x86' },
      { bundle, profile, htpp: false },
      { bundle, profile, http: 'no' },
      { bundle, profile, log: {} },
      { bundle, profile, openEngine },
      { bundle, profile, reloadBundle: true },
    ];
    for (const options of wrong)
      expect(() => createAgent(any(options))).toThrow(
        expect.objectContaining({ code: 'EBB_INVALID_ARGUMENT' }),
      );
  });

  it('a start that fails rejects with a code: the port is taken, no engine fits', async () => {
    const { bundle } = await openTiny();
    const profile = await quick();
    const start = async (changes: Partial<Profile>, http: boolean) => {
      const agent = createAgent({ bundle, profile: { ...profile, ...changes }, http, calibration });
      onTestFinished(() => agent.stop());
      return agent.start();
    };
    const { url } = await start({ http: { ...profile.http, port: 0 } }, true);
    const port = Number(new URL(url!).port);
    expect(await codeOf(() => start({ http: { ...profile.http, port } }, true))).toBe('EBB_FAILED');
    const engine = { ...profile.engine, name: 'ort' as const, providers: ['warp-drive'] };
    expect(await codeOf(() => start({ engine }, false))).toBe('EBB_ENGINE_UNAVAILABLE');
    expect(await codeOf(() => start({ policy: 'fixed', level: 7 }, false))).toBe('EBB_UNKNOWN_LEVEL');
  });
});

describe.each(['ort', 'sparse'] as const)('the engine "%s"', (engine) => {
  it('refuses what is wrong with the same codes, as rejections', async () => {
    const { bundle } = await openTiny();
    const opened = await openEngine(bundle, { engine });
    onTestFinished(() => opened.close());
    const wrong: [call: unknown[], code: ErrorCode][] = [
      [[input, 0], 'EBB_INVALID_ARGUMENT'],
      [[input, 1.5], 'EBB_INVALID_ARGUMENT'],
      [[input, undefined], 'EBB_INVALID_ARGUMENT'],
      [[input, 1, { level: 99 }], 'EBB_UNKNOWN_LEVEL'],
      [[input, 1, { level: null }], 'EBB_UNKNOWN_LEVEL'],
      [[input, 1, { levl: 1 }], 'EBB_INVALID_ARGUMENT'],
      [[input, 1, { engine: 'other' }], 'EBB_INVALID_ARGUMENT'],
      [[input, 2], 'EBB_INVALID_INPUT'],
      [[withNaN, 1], 'EBB_INVALID_INPUT'],
      [[[...input], 1], 'EBB_INVALID_INPUT'],
    ];
    for (const [call, code] of wrong) expect(await codeOf(() => any(opened).run(...call))).toBe(code);
    expect(() => opened.setLevel(99)).toThrow(expect.objectContaining({ code: 'EBB_UNKNOWN_LEVEL' }));
    expect(() => opened.setThreads(0)).toThrow(expect.objectContaining({ code: 'EBB_INVALID_ARGUMENT' }));
    const beside = codeOf(async () => {
      for (;;) await opened.run(input, 1);
    });
    await Promise.all([opened.close(), opened.close()]);
    expect(await beside).toBe('EBB_CLOSED');
    await opened.close();
    expect(await codeOf(() => opened.run(input, 1))).toBe('EBB_CLOSED');
    expect(await codeOf(() => opened.tune())).toBe('EBB_CLOSED');
    expect(await codeOf(() => opened.memory())).toBe('EBB_CLOSED');
  });
});

it('openEngine() refuses unknown engines, providers, levels, threads and bundles, as a rejection', async () => {
  const { bundle } = await openTiny();
  const wrong: [options: unknown, code: ErrorCode][] = [
    [{ engine: 'tensorrt' }, 'EBB_INVALID_ARGUMENT'],
    [{ engine: 'ort', providers: ['warp-drive'] }, 'EBB_ENGINE_UNAVAILABLE'],
    [{ providers: [] }, 'EBB_INVALID_ARGUMENT'],
    [{ providers: 'cpu' }, 'EBB_INVALID_ARGUMENT'],
    [{ level: 3 }, 'EBB_UNKNOWN_LEVEL'],
    [{ threads: 0 }, 'EBB_INVALID_ARGUMENT'],
    [{ provider: ['cpu'] }, 'EBB_INVALID_ARGUMENT'],
    [null, 'EBB_INVALID_ARGUMENT'],
  ];
  for (const [options, code] of wrong)
    expect(await codeOf(() => openEngine(bundle, any(options)))).toBe(code);
  for (const none of [undefined, null, 'runs/x/bundle', {}])
    expect(await codeOf(() => openEngine(any(none)))).toBe('EBB_INVALID_ARGUMENT');
});

it('readBundle() and loadProfile() reject with a code for each kind of fault', async () => {
  const { dir } = await openTiny();
  for (const none of [undefined, null, 7, ''])
    expect(await codeOf(() => readBundle(any(none)))).toBe('EBB_INVALID_ARGUMENT');
  expect(await codeOf(() => readBundle(dir, any({ key: 'x' })))).toBe('EBB_INVALID_ARGUMENT');
  expect(await codeOf(() => readBundle(dir, any({ publicKey: 7 })))).toBe('EBB_INVALID_ARGUMENT');
  expect(await codeOf(() => readBundle(dir, { publicKey: `${dir}/none.pem` }))).toBe('EBB_BUNDLE_SIGNATURE');
  expect(await codeOf(() => readBundle(`${dir}-none`))).toBe('EBB_BUNDLE_UNREADABLE');
  await writeFile(`${dir}/stranger`, '');
  expect(await codeOf(() => readBundle(dir))).toBe('EBB_BUNDLE_INVALID');
  await rm(`${dir}/stranger`);
  await writeFile(`${dir}/level-1.onnx`, 'x');
  expect(await codeOf(() => readBundle(dir))).toBe('EBB_BUNDLE_CHECKSUM');
  await rm(`${dir}/level-1.onnx`);
  expect(await codeOf(() => readBundle(dir))).toBe('EBB_BUNDLE_UNREADABLE');
  await writeFile(`${dir}/manifest.json`, '{');
  expect(await codeOf(() => readBundle(dir))).toBe('EBB_BUNDLE_INVALID');
  expect(await codeOf(() => writeBundle(dir, tinyBundle()))).toBe('EBB_FAILED');
  expect(await codeOf(() => writeBundle(`${dir}2`, any(undefined)))).toBe('EBB_FAILED');
  expect(await codeOf(() => writeBundle(`${dir}2`, { ...tinyBundle(), labels: [] }))).toBe(
    'EBB_BUNDLE_INVALID',
  );
  expect(await codeOf(() => loadProfile(any(undefined)))).toBe('EBB_PROFILE');
  expect(await codeOf(() => loadProfile('no-such-profile'))).toBe('EBB_PROFILE');
  expect(await codeOf(() => loadProfile(`${dir}/none.yaml`))).toBe('EBB_PROFILE');
});
