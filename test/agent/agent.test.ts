import { join } from 'node:path';
import { pino } from 'pino';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type AgentOptions, type AgentSeams, openAgent } from '../../agent/agent.ts';
import { parseProfile } from '../../agent/profile/load-profile.ts';
import type { ReporterOptions } from '../../agent/report/reporter.ts';
import type { DeviceInfo } from '../../wire/info.ts';
import type { SwapEvent } from '../../wire/swap.ts';
import type { Telemetry } from '../../wire/telemetry.ts';
import { projectRoot } from '../project-root.ts';
import { until } from '../until.ts';
import { calibration } from './decide/policy-input.ts';
import { fakeEngine, tinyManifest } from './fake-engine.ts';

const settle = () => new Promise((resolve) => setTimeout(resolve, 1));
const input = new Float32Array(64).fill(1);

const common =
  'interval_ms: 20\nreport: { broker: "mqtt://127.0.0.1:1", device: dev, interval_s: 3000 }\nhttp: { port: 0 }\n';

/** For what must not depend on how fast this machine is. */
const noHurry = 'deadline_ms: 60000\n';

function setUp(
  options: { profile?: string; inferMs?: number } & Partial<Omit<AgentOptions & AgentSeams, 'profile'>> = {},
) {
  const { profile = '', inferMs = 1, ...rest } = options;
  const engine = fakeEngine({ inferMs: () => inferMs });
  const reported = {
    infos: [] as DeviceInfo[],
    telemetry: [] as Telemetry[],
    swaps: [] as SwapEvent[],
    stopped: 0,
  };
  const made: ReporterOptions[] = [];
  const agent = openAgent({
    bundle: { dir: '', manifest: tinyManifest, models: [] },
    profile: parseProfile(`${common}${profile}`, { name: 'test' }),
    log: pino({ level: 'silent' }),
    root: join(projectRoot, 'test/fixtures/laptop'),
    calibration,
    openEngine: async () => engine,
    createReporter: (reporterOptions) => {
      made.push(reporterOptions);
      return {
        start: async () => {},
        publishInfo: (info) => void reported.infos.push(info),
        publishTelemetry: (telemetry) => void reported.telemetry.push(telemetry),
        publishSwap: (swap) => void reported.swaps.push(swap),
        stop: async () => {
          reported.stopped += 1;
        },
      };
    },
    ...rest,
  });
  onTestFinished(() => agent.stop());
  return { agent, engine, reported, made };
}

describe('the agent', () => {
  it('answers in the program and over HTTP at the active level', async () => {
    const { agent } = setUp({ profile: noHurry });
    const { url } = await agent.start();
    expect(await agent.infer(input)).toMatchObject({ level: 0, inferMs: 1 });
    expect(await agent.infer(input, { level: 2 })).toMatchObject({ level: 2 });
    const tensor = { name: 'image', shape: [1, 1, 8, 8], datatype: 'FP32', data: [...input] };
    const response = await fetch(`${url}/v2/models/tiny/infer`, {
      method: 'POST',
      body: JSON.stringify({ inputs: [tensor] }),
    });
    expect(await response.json()).toMatchObject({ model_version: '0', outputs: [{ data: [64, 0, 1] }] });
  });

  it('counts what it answered and what it refused, level by level, since it started', async () => {
    const { agent, engine } = setUp();
    const { url } = await agent.start();
    await agent.infer(new Float32Array(128), { batch: 2, level: 0 });
    await agent.infer(input, { level: 2 });
    engine.hold = true;
    const asked = Array.from({ length: 70 }, () => agent.infer(input, { level: 1 }));
    const outcomes = Promise.allSettled(asked);
    await settle();
    engine.hold = false;
    while (engine.waiting > 0) {
      engine.release();
      await settle();
    }
    const refused = (await outcomes).filter(({ status }) => status === 'rejected').length;
    expect(refused).toBeGreaterThan(0);
    const answer = await fetch(`${url}/v2/models/stats`);
    const { model_stats: levels } = (await answer.json()) as { model_stats: object[] };
    const counts = (inputs: number, answered: number, failed: number) => ({
      inference_count: inputs,
      execution_count: answered,
      inference_stats: { success: { count: answered }, fail: { count: failed } },
    });
    expect(levels).toMatchObject([
      counts(2, 1, 0),
      counts(70 - refused, 70 - refused, refused),
      counts(1, 1, 0),
    ]);
  });

  it('swaps down when requests miss the deadline, and reports why', async () => {
    const { agent, reported } = setUp({ profile: 'deadline_ms: 0.000001' });
    await agent.start();
    for (let i = 0; i < 12; i += 1) await agent.infer(input);
    await until('a swap is reported', () => reported.swaps.length > 0);
    const [swap] = reported.swaps;
    expect(swap).toMatchObject({ from: 0, to: 2, policy: 'deadline' });
    expect(swap?.reason).toMatch(/level 0 met .* in 0% of the last \d+ runs/);
    expect(agent.level).toBe(2);
  });

  it('obeys commands, says what is wrong with the others, and keeps its own word', async () => {
    const { agent, made, reported } = setUp();
    await agent.start();
    const obey = made[0]!.onCommand;
    expect(await obey({ kind: 'set_level', level: 1 })).toEqual({ ok: true });
    expect([agent.level, agent.policy]).toEqual([1, 'fixed']);
    expect(await obey({ kind: 'set_level', level: 7 })).toMatchObject({
      ok: false,
      error: expect.stringMatching(/0 to 2: current value is 7/),
    });
    expect(await obey({ kind: 'set_policy', policy: 'fixed', level: 2 })).toEqual({ ok: true });
    expect(agent.level).toBe(2);
    expect(await obey({ kind: 'set_policy', policy: 'deadline' })).toEqual({ ok: true });
    expect(agent.policy).toBe('deadline');
    expect(reported.swaps.map(({ from, to, policy }) => [from, to, policy])).toEqual([
      [0, 1, 'fixed'],
      [1, 2, 'fixed'],
    ]);
  });

  it('tells the broker what the device is and, in the end, what the last window was like', async () => {
    const { agent, made, reported } = setUp();
    await agent.start();
    expect(made[0]).toMatchObject({
      fleet: 'ebb',
      device: 'dev',
      info: { bundle: { name: 'tiny', levels: [{ accuracy: 0.9 }, {}, {}] } },
    });
    await agent.infer(input);
    await agent.infer(input, { level: 2 });
    await agent.stop();
    expect(reported.stopped).toBe(1);
    expect(reported.telemetry).toMatchObject([
      {
        requests: 2,
        deadlineHits: 2,
        levelShare: [0.5, 0, 0.5],
        level: 0,
        policy: 'deadline',
        deadlineMs: 50,
      },
    ]);
    expect(reported.telemetry[0]!.expectedAccuracy).toBeCloseTo((0.9 + 0.7) / 2);
  });

  it('answers what it took before it stops, and refuses what comes later', async () => {
    const { agent, engine } = setUp();
    await agent.start();
    engine.hold = true;
    const taken = agent.infer(input);
    const stopping = agent.stop();
    await expect(agent.infer(input)).rejects.toMatchObject({ status: 503 });
    engine.release();
    expect(await taken).toMatchObject({ level: 0 });
    await stopping;
  });

  it('can be stopped before it was started and while it starts', async () => {
    const early = setUp();
    await early.agent.stop();
    await expect(early.agent.start()).rejects.toThrow(/stopped/);
    const during = setUp();
    const starting = during.agent.start();
    await during.agent.stop();
    await expect(starting).rejects.toThrow(/stopped/);
  });

  it('is not ready before it has started, and cannot hold a level that there is not', async () => {
    const { agent } = setUp();
    await expect(agent.infer(input)).rejects.toMatchObject({ status: 503 });
    const fixed = setUp({ profile: 'policy: fixed\nlevel: 3' });
    await expect(fixed.agent.start()).rejects.toThrow(/must be 0 to 2/);
  });

  it('goes on with another inference thread where one has died', async () => {
    const engines = [fakeEngine(), fakeEngine()];
    let opened = 0;
    const { agent } = setUp({ openEngine: async () => engines[opened++]! });
    await agent.start();
    engines[0]!.hold = true;
    const lost = agent.infer(input);
    const kept = agent.infer(input);
    engines[0]!.crash('out of memory');
    await expect(lost).rejects.toMatchObject({
      status: 503,
      message: expect.stringMatching(/out of memory/),
    });
    expect(await kept).toMatchObject({ level: 0 });
    expect(engines[1]!.ran).toEqual([0]);
  });

  it('is not ready while a thread that died cannot be replaced, answers 503 at once, and is ready again after', async () => {
    const engines = [fakeEngine(), fakeEngine()];
    let opened = 0;
    const { agent } = setUp({
      profile: noHurry,
      openEngine: async () => {
        opened += 1;
        if (opened === 2 || opened === 3) throw new Error('no memory');
        return engines[opened === 1 ? 0 : 1]!;
      },
    });
    const { url } = await agent.start();
    const ready = async () => (await fetch(`${url}/v2/health/ready`)).status;
    expect(await ready()).toBe(200);
    engines[0]!.hold = true;
    const waiting = Array.from({ length: 5 }, () => agent.infer(input).catch(({ status }) => status));
    engines[0]!.crash('out of memory');
    expect(await Promise.all(waiting)).toEqual([503, 503, 503, 503, 503]);
    expect(await ready()).toBe(503);
    const tensor = { name: 'image', shape: [1, 1, 8, 8], datatype: 'FP32', data: [...input] };
    const refused = await fetch(`${url}/v2/models/tiny/infer`, {
      method: 'POST',
      body: JSON.stringify({ inputs: [tensor] }),
    });
    expect([refused.status, await refused.json()]).toEqual([
      503,
      { error: expect.stringMatching(/no inference thread can be opened \(no memory\)/) },
    ]);
    expect(await agent.obey({ kind: 'set_level', level: 2 })).toEqual({ ok: true });
    await until('a thread runs again', async () => (await ready()) === 200);
    expect(await agent.infer(input)).toMatchObject({ level: 2 });
  });

  it('is not ready any more where no thread can be had, and says so', async () => {
    const openEngine = async () => {
      const hanging = fakeEngine();
      hanging.hold = true;
      return hanging;
    };
    const { agent } = setUp({ profile: `${noHurry}engine: { hang_s: 0.01 }\n`, openEngine });
    const { url } = await agent.start();
    const status = async (path: string) => (await fetch(`${url}/v2${path}`)).status;
    expect([await status('/health/ready'), await status('/models/tiny/ready')]).toEqual([200, 200]);
    const lost = Array.from({ length: 6 }, () => agent.infer(input).catch((error: Error) => error));
    await agent.ended;
    await Promise.all(lost);
    expect([await status('/health/ready'), await status('/models/tiny/ready')]).toEqual([503, 503]);
    expect(await status('/health/live')).toBe(200);
    await expect(agent.infer(input)).rejects.toMatchObject({
      status: 503,
      message: expect.stringMatching(/threads hang; restart the agent/),
    });
  });

  it('takes the sparsest level that is accurate enough where the active one is not', async () => {
    const { agent } = setUp({ profile: 'policy: fixed\nlevel: 2' });
    await agent.start();
    expect(await agent.infer(input, { minAccuracy: 0.6 })).toMatchObject({ level: 2 });
    expect(await agent.infer(input, { minAccuracy: 0.75 })).toMatchObject({ level: 1 });
    await expect(agent.infer(input, { minAccuracy: 0.99 })).rejects.toMatchObject({ status: 400 });
  });

  it('another bundle takes over between two requests, and what the old one has begun it ends', async () => {
    const engines = [fakeEngine(), fakeEngine()];
    let opened = 0;
    const { agent, reported } = setUp({ openEngine: async () => engines[opened++]! });
    await agent.start();
    engines[0]!.hold = true;
    const begun = [agent.infer(input), agent.infer(input)];
    const replaced = agent.replaceBundle({ dir: 'new', manifest: tinyManifest, models: [] });
    await until('the new bundle has taken over', () => reported.infos.length === 1);
    const next = agent.infer(input, { level: 1 });
    expect(engines[0]!.over).toBeUndefined();
    engines[0]!.release();
    engines[0]!.release();
    expect(await Promise.all(begun)).toHaveLength(2);
    expect(await next).toMatchObject({ level: 1 });
    expect([engines[0]!.ran, engines[1]!.ran]).toEqual([[0, 0], [1]]);
    await replaced;
    expect(engines[0]!.over).toBe('closed');
  });

  it('keeps its bundle where another one cannot be opened, or would answer other requests', async () => {
    const engine = fakeEngine();
    let opened = 0;
    const { agent } = setUp({
      openEngine: async () => {
        opened += 1;
        if (opened > 1) throw new Error('not a model');
        return engine;
      },
    });
    await agent.start();
    const bundle = { dir: 'new', manifest: tinyManifest, models: [] };
    await expect(agent.replaceBundle(bundle)).rejects.toThrow(/not a model/);
    const other = { ...bundle, manifest: { ...tinyManifest, name: 'other' } };
    await expect(agent.replaceBundle(other)).rejects.toThrow(/must stay .*start another agent/);
    expect(await agent.infer(input)).toMatchObject({ level: 0 });
    expect(engine.over).toBeUndefined();
  });

  it('an operator’s level outlives the bundle', async () => {
    const engines = [fakeEngine(), fakeEngine()];
    let opened = 0;
    const { agent, made } = setUp({
      profile: 'policy: fixed\nlevel: 2',
      openEngine: async () => engines[opened++]!,
    });
    await agent.start();
    await made[0]!.onCommand({ kind: 'set_level', level: 1 });
    await agent.replaceBundle({ dir: 'new', manifest: tinyManifest, models: [] });
    expect(await agent.infer(input)).toMatchObject({ level: 1 });
    expect(engines[1]!.ran).toEqual([1]);
  });

  it('holds a fixed level through all misses', async () => {
    const { agent, reported } = setUp({ profile: 'policy: fixed\nlevel: 1\ndeadline_ms: 0.000001' });
    await agent.start();
    for (let i = 0; i < 12; i += 1) await agent.infer(input);
    await settle();
    expect([agent.level, reported.swaps]).toEqual([1, []]);
  });

  function reloadable(first: string, options: Parameters<typeof setUp>[0] = {}) {
    const file = { text: '' };
    const parts = setUp({
      ...options,
      profile: first,
      reloadProfile: async () => parseProfile(file.text, { name: 'test' }),
    });
    return {
      ...parts,
      reload: (text: string, base = common) => {
        file.text = `${base}${text}`;
        return parts.made[0]!.onCommand({ kind: 'reload' });
      },
    };
  }

  it('reloads its profile on command and says what has changed and what has not', async () => {
    const { agent, reload, reported } = reloadable('sensors: [cpu]');
    await agent.start();
    expect(await reload('sensors: [cpu, memory]\ndeadline_ms: 20\nengine: { threads: 3 }')).toEqual({
      ok: true,
      note: 'changed at once: deadline_ms 50 -> 20, sensors; needs a restart: engine.threads 1 -> 3',
    });
    expect(reported.infos.at(-1)?.sensors).toEqual(['cpu', 'memory']);
    await agent.stop();
    expect(reported.telemetry.at(-1)?.deadlineMs).toBe(20);
    expect(reported.telemetry.at(-1)?.readings.map(({ name }) => name)).toEqual([]);
  });

  it('keeps its profile where the new one is wrong or asks for a level that there is not, and says why', async () => {
    const { agent, made } = setUp({
      reloadProfile: async () => parseProfile('policy: fixed\nlevel: 7', { name: 'test' }),
    });
    await expect(agent.reload()).rejects.toThrow(/not ready/);
    await agent.start();
    expect(await made[0]!.onCommand({ kind: 'reload' }).catch(String)).toMatch(/must be 0 to 2/);
    expect(agent.policy).toBe('deadline');
    const bare = setUp();
    await bare.agent.start();
    await expect(bare.agent.reload()).rejects.toThrow(/must have come from a file/);
  });

  it('drops no request in a reload, though the queue may have become shorter', async () => {
    const { agent, engine, reload } = reloadable(noHurry);
    await agent.start();
    engine.hold = true;
    const taken = Array.from({ length: 6 }, () => agent.infer(input));
    const shorter = common.replace('port: 0', 'port: 0, max_queue: 1');
    expect(await reload(`${noHurry}sensors: []`, shorter)).toMatchObject({ ok: true });
    await expect(agent.infer(input)).rejects.toMatchObject({ status: 503 });
    engine.hold = false;
    while (engine.waiting > 0) {
      engine.release();
      await settle();
    }
    expect(await Promise.all(taken)).toHaveLength(6);
    expect(await agent.infer(input)).toMatchObject({ level: 0 });
  });

  it('follows the policy of a reloaded profile, but leaves an operator alone where that has not changed', async () => {
    const { agent, reload, made } = reloadable('');
    await agent.start();
    await reload('policy: fixed\nlevel: 2');
    expect([agent.policy, agent.level]).toEqual(['fixed', 2]);
    await made[0]!.onCommand({ kind: 'set_level', level: 1 });
    await reload('policy: fixed\nlevel: 2\ngoal: 0.9');
    expect(agent.level).toBe(1);
    await reload('goal: 0.9');
    expect(agent.policy).toBe('deadline');
  });

  it('judges by a reloaded deadline, not by what was late for the one before', async () => {
    const { agent, reload, reported } = reloadable('deadline_ms: 0.000001\nconfirmations: 1\ndwell_s: 0');
    await agent.start();
    for (let i = 0; i < 12; i += 1) await agent.infer(input);
    await until('it is swapped down', () => agent.level === 2);
    const before = reported.swaps.length;
    await reload('deadline_ms: 60000\nconfirmations: 1\ndwell_s: 0');
    await until('it is back at the top', () => agent.level === 0);
    expect(reported.swaps.slice(before).every(({ from, to }) => to < from)).toBe(true);
  });
});
