import { afterEach, describe, expect, it } from 'vitest';
import { createReporter, type ReporterOptions } from '../../../agent/report/reporter.ts';
import { decodeAnswer } from '../../../wire/answer.ts';
import { type Command, encodeCommand } from '../../../wire/command.ts';
import { decodeInfo } from '../../../wire/info.ts';
import { decodeStatus, encodeStatus } from '../../../wire/status.ts';
import { decodeSwap } from '../../../wire/swap.ts';
import { decodeTelemetry } from '../../../wire/telemetry.ts';
import { deviceTopics } from '../../../wire/topics.ts';
import { until } from '../../until.ts';
import {
  freePort,
  hasMosquitto,
  openObserver,
  recordLog,
  type Seen,
  startAedes,
  startMosquitto,
  type TestBroker,
} from '../../wire/brokers.ts';
import { info, swap, telemetry } from '../../wire/samples.ts';
import { reporterOptions } from './reporter-options.ts';

const topics = deviceTopics({ fleet: 'f', device: 'd' });
const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

function makeReporter(url: string, extra: Partial<ReporterOptions> = {}) {
  const log = recordLog();
  const reporter = createReporter({
    url,
    ...reporterOptions,
    log,
    ...extra,
  });
  closers.push(() => reporter.stop());
  return { reporter, log };
}

async function observe(url: string, options: Parameters<typeof openObserver>[2] = {}) {
  const observer = await openObserver(url, 'ebb/f/#', options);
  closers.push(observer.close);
  return observer;
}

const telemetrySeqs = (seen: Seen[]) =>
  seen
    .filter(({ topic }) => topic === topics.telemetry)
    .map(({ payload }) => {
      const result = decodeTelemetry(payload);
      if (!result.ok) throw new Error(result.error);
      return result.value.stamp.seq;
    });

const lastStatus = (seen: Seen[]) => {
  const payload = seen.filter(({ topic }) => topic === topics.status).at(-1)?.payload;
  const result = payload && decodeStatus(payload);
  return result?.ok ? result.value.body : null;
};

function describeBroker(name: string, mqtt: '3.1.1' | '5', startBroker: () => Promise<TestBroker>) {
  it(`connects to ${name} in MQTT ${mqtt} and publishes status, info, telemetry and swap`, async () => {
    const broker = await startBroker();
    closers.push(broker.stop);
    const { reporter, log } = makeReporter(broker.url);
    await reporter.start();
    reporter.publishTelemetry(telemetry);
    reporter.publishSwap(swap);
    const observer = await observe(broker.url);
    reporter.publishTelemetry({ ...telemetry, level: 2 });
    await until('two retained messages and telemetry are seen', () => {
      return observer.on(topics.telemetry).length > 0 && observer.on(topics.info).length > 0;
    });
    expect(log.lines.some(({ text }) => text.includes(`"mqtt":"${mqtt}"`))).toBe(true);
    expect(decodeInfo(observer.on(topics.info)[0]!.payload)).toMatchObject({
      ok: true,
      value: { body: info },
    });
    expect(lastStatus(observer.seen)).toMatchObject({ status: 'online', reason: null });
    const late = await observe(broker.url);
    await until(
      'a late comer has both',
      () => late.on(topics.status).length + late.on(topics.info).length === 2,
    );
    expect(late.seen.every(({ packet }) => packet.retain)).toBe(true);
    reporter.publishSwap(swap);
    await until('a swap is seen', () => observer.on(topics.swap).length > 0);
    expect(decodeSwap(observer.on(topics.swap).at(-1)!.payload)).toMatchObject({ value: { body: swap } });
    await reporter.stop();
    await until('it is offline', () => lastStatus(observer.seen)?.status === 'offline');
    expect(lastStatus(observer.seen)).toMatchObject({ status: 'offline', reason: 'stopped' });
  });

  it(`obeys commands over ${name} one after the other, and answers each, also hostile ones`, async () => {
    const broker = await startBroker();
    closers.push(broker.stop);
    const obeyed: Command[] = [];
    const { reporter, log } = makeReporter(broker.url, {
      onCommand: async (command) => {
        obeyed.push(command);
        if (command.kind === 'set_level' && command.level > 2) throw new Error('there is no level 9');
        return { ok: true };
      },
    });
    await reporter.start();
    const observer = await observe(broker.url);
    const publish = (topic: string, payload: Uint8Array | string, retain = false) =>
      observer.client.publishAsync(topic, Buffer.from(payload), { qos: 1, retain });
    await publish(topics.set('level'), encodeCommand({ id: 'a', command: { kind: 'set_level', level: 1 } }));
    await publish(topics.set('level'), encodeCommand({ id: 'b', command: { kind: 'set_level', level: 9 } }));
    await publish(topics.set('level'), '{"id":"c","level":"two"}');
    await publish(topics.set('level'), Buffer.alloc(1000, 0xff));
    await publish(topics.set('policy'), '{"policy":"fixed"}');
    await publish(`${topics.prefix}set/reboot`, '{"id":"d"}');
    await publish(topics.set('level'), '{"id":"e","level":0}', true);
    const answers = () =>
      observer.seen
        .filter(({ topic }) => topic.endsWith('/answer'))
        .map(({ topic, payload }) => {
          const result = decodeAnswer(payload);
          if (!result.ok) throw new Error(result.error);
          return { command: topic.split('/').at(-2), ...result.value };
        });
    await until('seven answers are seen', () => answers().length === 7);
    const answerTo = (id: string) => answers().find((answer) => answer.id === id)?.answer;
    expect(answerTo('a')).toEqual({ ok: true });
    expect(answerTo('b')).toEqual({ ok: false, error: 'there is no level 9' });
    expect(answerTo('c')).toMatchObject({ ok: false, error: expect.stringMatching(/level is wrong/) });
    expect(answerTo('d')).toMatchObject({ ok: false, error: expect.stringMatching(/level, policy/) });
    expect(answers().filter(({ command }) => command === 'policy')).toMatchObject([{ answer: { ok: true } }]);
    // Delivered live the flag is off; the broker's own copy would come with every connection.
    expect(answerTo('e')).toEqual({ ok: true });
    expect(obeyed).toHaveLength(4);
    expect(log.lines.filter(({ text }) => text.startsWith('refused a command'))).toHaveLength(3);
    await reporter.stop();

    const second = makeReporter(broker.url);
    await second.reporter.start();
    await until('the retained command is refused', () => answers().length === 8);
    expect(answers().at(-1)).toMatchObject({ id: 'e', answer: { ok: false } });
  });
}

describe('reporter', () => {
  describeBroker('aedes', '3.1.1', () => startAedes());

  it.skipIf(!hasMosquitto)('needs /usr/sbin/mosquitto for the tests with MQTT 5', () => {
    expect(hasMosquitto).toBe(true);
  });
  if (hasMosquitto) describeBroker('mosquitto', '5', async () => startMosquitto(await freePort()));

  it.skipIf(!hasMosquitto)(
    'answers on the response topic with the correlation data (MQTT 5), but only below its own topics',
    async () => {
      const broker = await startMosquitto(await freePort());
      closers.push(broker.stop);
      const { reporter } = makeReporter(broker.url);
      await reporter.start();
      const observer = await openObserver(broker.url, '#', { protocolVersion: 5 });
      closers.push(observer.close);
      const ask = (responseTopic: string) =>
        observer.client.publishAsync(topics.set('level'), '{"level":1}', {
          qos: 1,
          properties: { responseTopic, correlationData: Buffer.from(responseTopic) },
        });
      const allowed = `${topics.prefix}inbox/me`;
      for (const topic of [allowed, 'ebb/f/other/status', topics.status, topics.set('level')])
        await ask(topic);
      const correlated = () =>
        observer.seen.flatMap(({ topic, packet }) => {
          const data = packet.properties?.correlationData;
          return data && !topic.endsWith('/set/level') ? [[topic, data.toString()]] : [];
        });
      await until('four answers are seen', () => correlated().length === 4);
      expect(correlated()).toEqual([
        [allowed, allowed],
        [topics.answer('level'), 'ebb/f/other/status'],
        [topics.answer('level'), topics.status],
        [topics.answer('level'), topics.set('level')],
      ]);
    },
  );

  it.skipIf(!hasMosquitto)(
    'survives a broker that is killed hard: telemetry resumes in order, within its bound',
    async () => {
      const port = await freePort();
      const first = await startMosquitto(port);
      closers.push(first.stop);
      const { reporter, log } = makeReporter(first.url, { outboxItems: 5 });
      await reporter.start();
      const observer = await observe(first.url);
      reporter.publishTelemetry(telemetry);
      await until('telemetry is seen', () => telemetrySeqs(observer.seen).length === 1);
      await first.stop();
      await until('the loss is told', () => log.lines.some(({ text }) => text.startsWith('lost the broker')));
      for (let i = 0; i < 20; i += 1) reporter.publishTelemetry(telemetry);
      reporter.publishSwap(swap);
      const second = await startMosquitto(port);
      closers.push(second.stop);
      // The observer may come back after the reporter has sent what it kept: look at what comes afterwards.
      await until('both are back', async () => {
        reporter.publishTelemetry(telemetry);
        return telemetrySeqs(observer.seen).length >= 3;
      });
      const seqs = telemetrySeqs(observer.seen);
      expect(seqs).toEqual([...new Set(seqs)].sort((a, b) => a - b));
      expect(log.lines.some(({ text }) => text.includes('"kind":"telemetry","dropped":1'))).toBe(true);
      await until('its status is back', () => lastStatus(observer.seen)?.status === 'online');
    },
  );

  it('starts without a broker, and delivers what it kept when one appears', async () => {
    const port = await freePort();
    const { reporter } = makeReporter(`mqtt://127.0.0.1:${port}`);
    await reporter.start();
    for (let i = 0; i < 3; i += 1) reporter.publishTelemetry(telemetry);
    reporter.publishSwap(swap);
    const broker = await startAedes(port);
    closers.push(broker.stop);
    const observer = await observe(broker.url);
    await until('telemetry and status are seen', () => {
      reporter.publishTelemetry(telemetry);
      return telemetrySeqs(observer.seen).length > 0 && lastStatus(observer.seen)?.status === 'online';
    });
  });

  it('takes its status back when the last will of an earlier connection comes late', async () => {
    const broker = await startAedes();
    closers.push(broker.stop);
    const { reporter } = makeReporter(broker.url);
    await reporter.start();
    const observer = await observe(broker.url);
    const late = encodeStatus(
      { start: 'earlier', seq: 1, time: '2026-01-01T00:00:00Z' },
      { status: 'offline', reason: 'connection lost' },
    );
    await observer.client.publishAsync(topics.status, Buffer.from(late), { qos: 1, retain: true });
    await until('it says online again', () => observer.on(topics.status).length >= 3);
    expect(lastStatus(observer.seen)).toMatchObject({ status: 'online', reason: null });
  });

  const warnings = (log: ReturnType<typeof recordLog>) =>
    log.lines.filter(({ level }) => level === 'warn').map(({ text }) => text);
  const isTwin = (text: string) => text.startsWith('another agent has the same name');
  const startsSeen = (seen: Seen[]) =>
    new Set(
      seen
        .filter(({ topic }) => topic === topics.telemetry)
        .map(({ payload }) => JSON.parse(Buffer.from(payload).toString()).start as string),
    );

  describe.each([['aedes', startAedes] as const, ['mosquitto', startMosquitto] as const])(
    'with another agent of the same name at %s',
    (name, startBroker) => {
      const itHere = it.skipIf(name === 'mosquitto' && !hasMosquitto);

      itHere('the first goes on, the second pauses and takes over when the first is gone', async () => {
        const broker = await startBroker(await freePort());
        closers.push(broker.stop);
        const observer = await observe(broker.url);
        // The second one's clock is years behind: no clock decides.
        const first = makeReporter(broker.url, { start: 'first' });
        const obeyed: string[] = [];
        const second = makeReporter(broker.url, {
          start: 'second',
          now: () => new Date(0),
          onCommand: async () => {
            obeyed.push('second');
            return { ok: true };
          },
        });
        await first.reporter.start();
        await second.reporter.start();
        await until('both tell', () => [first, second].every(({ log }) => warnings(log).some(isTwin)));
        const before = observer.seen.length;
        first.reporter.publishTelemetry(telemetry);
        second.reporter.publishTelemetry(telemetry);
        await observer.client.publishAsync(topics.set('level'), '{"id":"x","level":1}', { qos: 1 });
        await until('the command is answered', () => observer.on(topics.answer('level')).length > 0);
        await until('telemetry is seen', () =>
          observer.seen.slice(before).some(({ topic }) => topic === topics.telemetry),
        );
        expect(startsSeen(observer.seen.slice(before))).toEqual(new Set(['first']));
        expect(obeyed).toEqual([]);
        // Neither was evicted, and each told it once.
        for (const { log } of [first, second]) {
          expect(warnings(log)).toHaveLength(1);
          expect(warnings(log)[0]).toMatch(/"d" in fleet "f", on host .*--device/);
        }
        await first.reporter.stop();
        await until('the second reports', () => {
          second.reporter.publishTelemetry(telemetry);
          return startsSeen(observer.seen).has('second');
        });
        expect(lastStatus(observer.seen)).toMatchObject({ status: 'online' });
      });

      itHere('a restart, after a crash too, is no alarm, even with a clock that is behind', async () => {
        const broker = await startBroker(await freePort());
        closers.push(broker.stop);
        const observer = await observe(broker.url);
        const plant = (status: 'online' | 'offline', start: string, retain = true) => {
          const body = { status, reason: null };
          const payload = encodeStatus({ start, seq: 5, time: '2099-01-01T00:00:00Z' }, body);
          return observer.client.publishAsync(topics.status, Buffer.from(payload), { qos: 1, retain });
        };
        await plant('online', 'crashed');
        const { reporter, log } = makeReporter(broker.url, { now: () => new Date(0) });
        await reporter.start();
        // The last will of the start that crashed comes late.
        await plant('offline', 'crashed');
        await until('it takes its status back', () => lastStatus(observer.seen)?.status === 'online');
        await reporter.stop();
        const again = makeReporter(broker.url, { now: () => new Date(0) });
        await again.reporter.start();
        again.reporter.publishTelemetry(telemetry);
        await until('telemetry is seen', () => observer.on(topics.telemetry).length > 0);
        expect([...warnings(log), ...warnings(again.log)]).toEqual([]);
      });
    },
  );

  it('stops though the broker is absent, and can be stopped twice', async () => {
    const { reporter } = makeReporter(`mqtt://127.0.0.1:${await freePort()}`);
    await reporter.start();
    await reporter.stop();
    await reporter.stop();
    reporter.publishTelemetry(telemetry);
  });

  it('leaves out what no receiver would take, and says so', async () => {
    const { reporter, log } = makeReporter(`mqtt://127.0.0.1:${await freePort()}`);
    reporter.publishTelemetry({ ...telemetry, slowdown: Number.NaN });
    expect(log.lines).toEqual([{ level: 'error', text: expect.stringContaining('slowdown') }]);
  });

  it('refuses a URL or a name it cannot use at once', () => {
    expect(() => makeReporter('http://me:secret@h')).toThrow(/scheme must be one of mqtt, mqtts, ws, wss/);
    expect(() => makeReporter('mqtt://h', { device: 'a/b' })).toThrow(/device name/);
  });
});
