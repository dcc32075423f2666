import { spawn } from 'node:child_process';
import { request } from 'node:http';
import { join } from 'node:path';
import { connectAsync } from 'mqtt';
import { afterEach, describe, expect, it } from 'vitest';
import { createReporter, type ReporterOptions } from '../../agent/report/reporter.ts';
import { type FleetOptions, startFleet } from '../../fleet/fleet.ts';
import { command } from '../../fleet/fleet-command.ts';
import type { FleetEvent } from '../../fleet/fleet-event.ts';
import type { Command } from '../../wire/command.ts';
import { deviceTopics } from '../../wire/topics.ts';
import { reporterOptions } from '../agent/report/reporter-options.ts';
import { ebb, endsWithin2s, spawnEbb } from '../cli/ebb.ts';
import { projectRoot } from '../project-root.ts';
import { until } from '../until.ts';
import { freePort, hasMosquitto, recordLog, startMosquitto } from '../wire/brokers.ts';
import { info, swap, telemetry } from '../wire/samples.ts';

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const anyPort = { host: '127.0.0.1', port: 0 };

async function monitor(change: Partial<FleetOptions> = {}) {
  const events: FleetEvent[] = [];
  const fleet = await startFleet({
    ...(change.brokerUrl ? {} : { embeddedBroker: anyPort }),
    http: anyPort,
    log: recordLog(),
    onEvent: (event) => events.push(event),
    ...change,
  });
  closers.push(fleet.stop);
  const get = async (path: string, init?: RequestInit) => {
    const response = await fetch(`${fleet.httpUrl}${path}`, init);
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  };
  const post = (path: string, body: string, type = 'application/json') =>
    get(path, { method: 'POST', headers: { 'content-type': type }, body });
  return { fleet, events, get, post };
}

async function agent(url: string, change: Partial<ReporterOptions> = {}) {
  const reporter = createReporter({
    url,
    ...reporterOptions,
    log: recordLog(),
    ...change,
  });
  closers.push(() => reporter.stop());
  await reporter.start();
  return reporter;
}

/** An agent in a process of its own. */
function spawnAgent(brokerUrl: string) {
  const file = join(projectRoot, 'dist', 'test', 'fleet', 'agent-child.js');
  const child = spawn(process.execPath, [file, brokerUrl, 'd'], { stdio: 'ignore' });
  closers.push(async () => child.kill('SIGKILL'));
  return child;
}

describe('startFleet()', () => {
  it('shows an agent as JSON over HTTP: its info, telemetry and swaps, and that it stopped', async () => {
    const { fleet, events, get } = await monitor();
    const reporter = await agent(fleet.brokerUrl);
    reporter.publishTelemetry(telemetry);
    reporter.publishSwap(swap);
    await until('a swap is told', () => events.some(({ event }) => event === 'swap'));
    expect(await get('/healthz')).toEqual({ status: 200, body: { ok: true, broker_connected: true } });
    const device = await get('/api/devices/f/d');
    expect(device).toMatchObject({
      status: 200,
      body: {
        state: 'online',
        info: { board: info.board, memory_bytes: info.memoryBytes },
        telemetry: { deadline_hit_ratio: 0.96, latency_p99_ms: 19.25, level_share: [0.5, 0.5, 0] },
        last_swap: { from: 0, to: 1, reason: swap.reason },
        lost_messages: 0,
      },
    });
    expect((await get('/api/devices')).body.devices).toHaveLength(1);
    expect((await get('/api/swaps')).body.swaps).toMatchObject([{ device: 'd', to: 1 }]);
    expect((await get('/api/devices/f/none')).status).toBe(404);
    await reporter.stop();
    await until('it is offline', () => fleet.roster.device('f', 'd')?.state === 'offline');
    expect(fleet.roster.device('f', 'd')?.offlineReason).toBe('stopped');
  });

  it('sends commands and returns the answer, 409 where the device refuses, 504 where it does not answer', async () => {
    const { fleet, get, post } = await monitor();
    const hasty = await monitor({ brokerUrl: fleet.brokerUrl, commandTimeoutMs: 50 });
    const obeyed: Command[] = [];
    const reporter = await agent(fleet.brokerUrl, {
      onCommand: (command) => {
        obeyed.push(command);
        if (command.kind === 'set_policy') return new Promise(() => undefined);
        if (command.kind === 'reload') return Promise.resolve({ ok: true, note: 'changed at once: goal' });
        return Promise.resolve(command.level < 3 ? { ok: true } : { ok: false, error: 'no such level' });
      },
    });
    await until('it is known to both', () =>
      [fleet, hasty.fleet].every(({ roster }) => roster.device('f', 'd')?.state === 'online'),
    );
    const set = '/api/devices/f/d/set';
    expect(await post(`${set}/level`, '{"level":2}')).toEqual({ status: 200, body: { ok: true } });
    expect(await post(`${set}/level`, '{"level":5}')).toEqual({
      status: 409,
      body: { error: 'no such level' },
    });
    expect(await post(`${set}/reload`, '{}')).toEqual({
      status: 200,
      body: { ok: true, note: 'changed at once: goal' },
    });
    expect((await post(`${set}/level`, '{"level":"2"}')).status).toBe(400);
    // As "curl -d" and "curl -X POST" send it.
    const form = 'application/x-www-form-urlencoded';
    expect((await post(`${set}/level`, '{"level":1,"id":null}', form)).body).toEqual({ ok: true });
    expect((await get(`${set}/reload`, { method: 'POST' })).body).toMatchObject({ ok: true });
    expect(await get(`${set}/level`, { method: 'POST' })).toMatchObject({
      status: 400,
      body: { error: expect.stringMatching(/level is wrong/) },
    });
    expect((await post(`${set}/level`, 'level=2', form)).body).toMatchObject({
      error: expect.stringMatching(/must be JSON/),
    });
    const foreign = { method: 'POST', headers: { origin: 'https://evil.example' }, body: '{"level":1}' };
    expect((await get(`${set}/level`, foreign)).status).toBe(403);
    expect((await post(`${set}/level`, `{"x":"${'x'.repeat(20_000)}"}`)).status).toBe(413);
    expect((await post(`${set}/reboot`, '{}')).status).toBe(404);
    expect((await post('/api/devices/f/none/set/level', '{"level":2}')).status).toBe(404);
    expect((await hasty.post(`${set}/policy`, '{"policy":"fixed","level":0}')).status).toBe(504);
    await until('the last command has come', () => obeyed.length === 6);
    expect(obeyed).toEqual([
      { kind: 'set_level', level: 2 },
      { kind: 'set_level', level: 5 },
      { kind: 'reload' },
      { kind: 'set_level', level: 1 },
      { kind: 'reload' },
      { kind: 'set_policy', policy: 'fixed', level: 0 },
    ]);
    await reporter.stop();
    await until('it is offline', () => fleet.roster.device('f', 'd')?.state === 'offline');
    expect((await post(`${set}/level`, '{"level":2}')).status).toBe(409);
  });

  it('answers only to names of this machine without a token, and only with it where there is one', async () => {
    const open = await monitor();
    const status = await new Promise((resolve, reject) => {
      request(`${open.fleet.httpUrl}/api/devices`, { headers: { host: 'evil.example' } }, (response) => {
        response.resume();
        resolve(response.statusCode);
      })
        .on('error', reject)
        .end();
    });
    expect(status).toBe(403);
    const token = 'a-token-of-some-length';
    const closed = await monitor({ token });
    expect((await closed.get('/api/devices')).status).toBe(401);
    expect((await closed.get('/healthz')).status).toBe(200);
    const headers = { authorization: `Bearer ${token}` };
    expect((await closed.get('/api/devices', { headers })).status).toBe(200);
    await agent(closed.fleet.brokerUrl, { username: 'd', password: token });
    await until('it is known', () => closed.fleet.roster.device('f', 'd')?.state === 'online');
    await expect(monitor({ http: { host: '0.0.0.0', port: 0 } })).rejects.toThrow(/--token-file/);
  });

  it('does not fall over garbage on every topic', async () => {
    const { fleet, events, get } = await monitor();
    const reporter = await agent(fleet.brokerUrl);
    const rude = await connectAsync(fleet.brokerUrl, { protocolVersion: 4 });
    closers.push(() => rude.endAsync(true));
    const topics = deviceTopics({ fleet: 'f', device: 'd' });
    const garbage = [
      Buffer.from([0xff, 0xfe]),
      Buffer.from('{'),
      Buffer.from('null'),
      Buffer.from('[]'),
      Buffer.from('{"schema":99}'),
      Buffer.alloc(250_000, '['),
    ];
    for (const topic of [
      topics.status,
      topics.info,
      topics.telemetry,
      topics.swap,
      topics.set('level'),
      topics.answer('level'),
      'ebb/f/ /status',
      'ebb/f/d',
      'ebb/f/d/other',
    ])
      for (const payload of garbage) await rude.publishAsync(topic, payload, { qos: 1 });
    reporter.publishTelemetry(telemetry);
    await until('telemetry is told', () => events.some(({ event }) => event === 'telemetry'));
    expect(fleet.roster.badMessages).toBe(24);
    expect((await get('/api/devices')).body).toMatchObject({
      bad_messages: 24,
      devices: [{ state: 'online' }],
    });
  });

  it('shows an agent that is killed hard as offline within its keep-alive', async () => {
    const { fleet } = await monitor();
    const child = spawnAgent(fleet.brokerUrl);
    await until('it is online', () => fleet.roster.device('f', 'd')?.telemetry != null);
    child.kill('SIGKILL');
    await until('it is offline', () => fleet.roster.device('f', 'd')?.state === 'offline');
    expect(fleet.roster.device('f', 'd')?.offlineReason).toBe('connection lost');
  });

  it('shows an agent that hangs, with its connection open, as offline by the last will', async () => {
    const { fleet } = await monitor();
    const child = spawnAgent(fleet.brokerUrl);
    await until('it is online', () => fleet.roster.device('f', 'd')?.telemetry != null);
    child.kill('SIGSTOP');
    await until('it is offline', () => fleet.roster.device('f', 'd')?.state === 'offline');
    expect(fleet.roster.device('f', 'd')?.offlineReason).toBe('connection lost');
    child.kill('SIGCONT');
    await until('it comes back', () => fleet.roster.device('f', 'd')?.state === 'online');
  });

  it.skipIf(!hasMosquitto)(
    'and agents come back after the broker was killed hard, and telemetry resumes (needs mosquitto)',
    async () => {
      const port = await freePort();
      const first = await startMosquitto(port);
      closers.push(first.stop);
      const { fleet, events, get } = await monitor({ brokerUrl: first.url });
      expect(fleet.brokerVersion).toBe(5);
      const reporter = await agent(first.url);
      reporter.publishTelemetry(telemetry);
      await until('telemetry is told', () => events.some(({ event }) => event === 'telemetry'));
      await first.stop();
      await until('the loss is told', () =>
        events.some((event) => event.event === 'broker' && event.state === 'lost'),
      );
      expect((await get('/healthz')).status).toBe(503);
      reporter.publishTelemetry(telemetry);
      const second = await startMosquitto(port);
      closers.push(second.stop);
      const before = events.length;
      await until('telemetry resumes', () => {
        reporter.publishTelemetry(telemetry);
        return events.slice(before).some(({ event }) => event === 'telemetry');
      });
      expect(fleet.roster.device('f', 'd')?.state).toBe('online');
    },
  );

  it('waits for a broker that is absent, and says so', async () => {
    const log = recordLog();
    const { get } = await monitor({ brokerUrl: `mqtt://127.0.0.1:${await freePort()}`, log });
    expect((await get('/healthz')).body).toEqual({ ok: false, broker_connected: false });
    expect(log.lines.some(({ text }) => text.includes('ECONNREFUSED'))).toBe(true);
  });

  it('leaves nothing listening when it cannot start', async () => {
    const port = await freePort();
    const { fleet } = await monitor();
    const taken = Number(new URL(fleet.httpUrl).port);
    const options = { embeddedBroker: { host: '127.0.0.1', port }, http: { host: '127.0.0.1', port: taken } };
    await expect(monitor(options)).rejects.toThrow(/port must be free.*--http HOST:PORT/);
    await monitor({ ...options, http: anyPort });
  });
});

describe('ebb fleet', () => {
  it('prints its addresses and then one JSON line an event, and ends in order at SIGTERM', async () => {
    const child = spawnEbb(['fleet', '--json', '--embedded-broker', '127.0.0.1:0', '--http', '127.0.0.1:0']);
    closers.push(async () => child.kill('SIGKILL'));
    let text = '';
    child.stdout?.on('data', (chunk) => {
      text += chunk;
    });
    const lines = () =>
      text
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as Record<string, string>);
    await until('it listens', () => lines().length >= 1);
    expect(lines()[0]).toEqual({
      event: 'listening',
      http: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
      broker: expect.stringMatching(/^mqtt:\/\/127\.0\.0\.1:\d+$/),
    });
    const reporter = await agent(lines()[0]!.broker!);
    reporter.publishSwap(swap);
    await until('the swap is printed', () => lines().some(({ event }) => event === 'swap'));
    expect(lines().find(({ event }) => event === 'swap')).toMatchObject({ device: 'd', from: 0, to: 1 });
    expect(await endsWithin2s(child, 'SIGTERM')).toBe(143);
  });

  it.each([
    [['--broker', 'http://x'], /scheme must be one of/],
    [['--broker', 'mqtt://h', '--embedded-broker'], /not both/],
    [['--http', 'nowhere'], /HOST:PORT/],
    [['--http', '0.0.0.0:0'], /token/],
    [['--fleet', 'a/b'], /fleet name/],
    [['--embedded-broker', '0.0.0.0:0'], /token/],
    [['--broker', 'mqtt://h', '--ca', projectRoot], /--ca/],
  ])('refuses %j and says why', async (args, message) => {
    await expect(command().parseAsync(args, { from: 'user' })).rejects.toThrow(message);
  });

  it('listens on another port than ebb run does, so that both run on one machine', () => {
    const help = command().helpInformation();
    expect(help).toContain('"127.0.0.1:8081"');
    expect(help).not.toContain('8080');
  });

  it('ends with status 2 for wrong use', async () => {
    const { status, stderr } = await ebb(['fleet', '--broker', 'http://x']);
    expect(status).toBe(2);
    expect(stderr).toMatch(/^ebb fleet: .*scheme must be one of.*\n$/);
  });
});
