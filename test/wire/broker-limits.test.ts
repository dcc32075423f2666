import { createServer, type Socket } from 'node:net';
import fc from 'fast-check';
import {
  generate,
  type IConnectPacket,
  type IPublishPacket,
  type ISubscribePacket,
  type Packet,
  parser,
} from 'mqtt-packet';
import { afterEach, describe, expect, it } from 'vitest';
import { createReporter, type Reporter } from '../../agent/report/reporter.ts';
import { clientIdOf } from '../../wire/link/client-id.ts';
import { isTopicName } from '../../wire/topics.ts';
import { reporterOptions } from '../agent/report/reporter-options.ts';
import { until } from '../until.ts';
import { freePort, hasMosquitto, openObserver, recordLog, startMosquitto } from './brokers.ts';
import { telemetry } from './samples.ts';

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function report(url: string): Promise<{ reporter: Reporter; log: ReturnType<typeof recordLog> }> {
  const log = recordLog();
  const reporter = createReporter({ url, ...reporterOptions, log });
  closers.push(() => reporter.stop());
  await reporter.start();
  return { reporter, log };
}

const lacking = (log: ReturnType<typeof recordLog>) =>
  log.lines.filter(({ text }) => text.startsWith('the broker offers less')).map(({ text }) => text);

/** A broker that drops every connection which asks for more than it has; `packets` are those that it took. */
async function startPoorBroker(options: {
  version: 4 | 5;
  accepts: (packet: Packet) => boolean;
  properties?: Record<string, unknown>;
}) {
  const packets: Packet[] = [];
  const state = { unacknowledged: 0, most: 0 };
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    const { version } = options;
    const read = parser({ protocolVersion: version });
    const answer = (packet: Packet) =>
      socket.writable && socket.write(generate(packet, { protocolVersion: version }));
    read.on('packet', (packet: Packet) => {
      if (packet.cmd === 'connect' && (packet as IConnectPacket).protocolVersion !== version) {
        socket.end(
          generate(
            { cmd: 'connack', returnCode: 1, reasonCode: 0x84, sessionPresent: false },
            { protocolVersion: version },
          ),
        );
        return;
      }
      if (!options.accepts(packet)) {
        socket.destroy();
        return;
      }
      packets.push(packet);
      if (packet.cmd === 'connect')
        answer({
          cmd: 'connack',
          sessionPresent: false,
          ...(version === 5 ? { reasonCode: 0, properties: options.properties ?? {} } : { returnCode: 0 }),
        });
      if (packet.cmd === 'subscribe') {
        const { messageId = 0, subscriptions } = packet as ISubscribePacket;
        answer({ cmd: 'suback', messageId, granted: subscriptions.map(() => 0) });
      }
      if (packet.cmd === 'publish' && (packet as IPublishPacket).qos === 1) {
        state.unacknowledged += 1;
        state.most = Math.max(state.most, state.unacknowledged);
        setTimeout(() => {
          state.unacknowledged -= 1;
          answer({
            cmd: 'puback',
            messageId: packet.messageId ?? 0,
            ...(version === 5 ? { reasonCode: 0 } : {}),
          });
        }, 5);
      }
    });
    socket.on('data', (chunk) => read.parse(chunk));
  });
  const port = await freePort();
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  closers.push(async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const published = () => packets.filter((packet): packet is IPublishPacket => packet.cmd === 'publish');
  return { url: `mqtt://127.0.0.1:${port}`, packets, published, state };
}

describe('a broker that offers less than MQTT can', () => {
  it.each([
    ['retain_available false', /no retained messages/],
    ['max_qos 0', /QoS 0 only/],
    ['max_packet_size 400', undefined],
  ])(
    'mosquitto with "%s" gets telemetry, and one warning says what it lacks (needs mosquitto)',
    async (setting, lack) => {
      if (!hasMosquitto) return;
      const broker = await startMosquitto(await freePort(), [setting]);
      closers.push(broker.stop);
      const observer = await openObserver(broker.url, 'ebb/f/#');
      closers.push(observer.close);
      const { reporter, log } = await report(broker.url);
      const readings = Array.from({ length: 20 }, (_, i) => ({
        name: `sensor_${i}`,
        value: i,
        unit: 'celsius',
      }));
      await until('telemetry is seen', () => {
        reporter.publishTelemetry({ ...telemetry, readings });
        return observer.on('ebb/f/d/telemetry').length > 2;
      });
      if (lack === undefined)
        expect(log.lines.filter(({ text }) => /takes only small messages/.test(text))).toHaveLength(1);
      else expect(lacking(log)).toEqual([expect.stringMatching(lack)]);
    },
  );

  it('and drops the connection without a word (MQTT 3.1.1) is given no retained messages, then no QoS 1', async () => {
    const plain = (packet: Packet) =>
      !(packet.cmd === 'publish' && (packet as IPublishPacket).retain) &&
      !(packet.cmd === 'publish' && (packet as IPublishPacket).qos === 1);
    const broker = await startPoorBroker({ version: 4, accepts: plain });
    const { reporter, log } = await report(broker.url);
    await until('telemetry flows', () => {
      reporter.publishTelemetry(telemetry);
      return broker.published().filter(({ topic }) => topic.endsWith('/telemetry')).length > 2;
    });
    expect(lacking(log).at(-1)).toMatch(/no retained messages.*QoS 0 only/);
  });

  it('and refuses a retained last will at CONNECT is connected to without one', async () => {
    const broker = await startPoorBroker({
      version: 4,
      accepts: (packet) => !(packet.cmd === 'connect' && (packet as IConnectPacket).will?.retain),
    });
    const { reporter } = await report(broker.url);
    await until('telemetry flows', () => {
      reporter.publishTelemetry(telemetry);
      return broker.published().some(({ topic }) => topic.endsWith('/telemetry'));
    });
  });

  it('is held to its receive maximum, and asked for no wildcards if it has none (MQTT 5)', async () => {
    const broker = await startPoorBroker({
      version: 5,
      accepts: () => true,
      properties: { receiveMaximum: 1, wildcardSubscriptionAvailable: false, topicAliasMaximum: 0 },
    });
    const { reporter, log } = await report(broker.url);
    for (let i = 0; i < 6; i += 1) reporter.publishTelemetry(telemetry);
    await until(
      'all telemetry has come',
      () => broker.published().filter(({ topic }) => topic.endsWith('/telemetry')).length === 6,
    );
    expect(broker.state.most).toBe(1);
    const filters = broker.packets.flatMap((packet) =>
      packet.cmd === 'subscribe' ? (packet as ISubscribePacket).subscriptions.map(({ topic }) => topic) : [],
    );
    expect(filters).toContain('ebb/f/d/set/level');
    expect(filters.filter((filter) => /[+#]/.test(filter))).toEqual([]);
    expect(lacking(log)).toEqual([expect.stringMatching(/no wildcard subscriptions/)]);
  });
});

describe('clientIdOf()', () => {
  it('gives different ids to pairs that join to the same text, in 23 letters and digits', () => {
    expect(clientIdOf('a-b', 'c')).not.toBe(clientIdOf('a', 'b-c'));
    const name = fc.string({ minLength: 1, maxLength: 64, unit: 'grapheme' }).filter(isTopicName);
    const pair = fc.tuple(name, name);
    fc.assert(
      fc.property(pair, pair, (a, b) => {
        expect(clientIdOf(...a)).toMatch(/^[0-9a-z]{23}$/);
        expect(clientIdOf(...a) === clientIdOf(...b)).toBe(a[0] === b[0] && a[1] === b[1]);
      }),
    );
  });
});
