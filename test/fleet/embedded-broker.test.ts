import { connect as connectSocket } from 'node:net';
import fc from 'fast-check';
import { connectAsync } from 'mqtt';
import { afterEach, describe, expect, it } from 'vitest';
import { startEmbeddedBroker } from '../../fleet/broker/embedded-broker.ts';
import { createPacketGuard } from '../../fleet/broker/packet-guard.ts';
import { closed } from '../closed.ts';
import { until } from '../until.ts';
import { recordLog } from '../wire/brokers.ts';

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function start(change: Partial<Parameters<typeof startEmbeddedBroker>[0]> = {}) {
  const broker = await startEmbeddedBroker({
    address: { host: '127.0.0.1', port: 0 },
    token: undefined,
    log: recordLog(),
    ...change,
  });
  closers.push(broker.stop);
  return { port: broker.address.port, url: `mqtt://127.0.0.1:${broker.address.port}` };
}

async function client(url: string, options: Parameters<typeof connectAsync>[1] = {}) {
  const opened = await connectAsync(url, { protocolVersion: 4, reconnectPeriod: 0, ...options }, false);
  opened.on('error', () => undefined);
  closers.push(() => opened.endAsync(true));
  return opened;
}

const topic = 'ebb/f/d/telemetry';

describe('createPacketGuard()', () => {
  const packet = (length: number) => {
    const head = [0x30];
    let rest = length;
    do {
      const byte = rest % 128;
      rest = Math.floor(rest / 128);
      head.push(rest > 0 ? byte | 0x80 : byte);
    } while (rest > 0);
    return [...head, ...new Array<number>(length).fill(0xff)];
  };

  it('accepts packets up to its bound and refuses the first above, however the bytes are cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(300), { maxLength: 6 }),
        fc.integer({ min: 301, max: 20_000 }),
        fc.integer({ min: 1, max: 50 }),
        (lengths, tooLong, cut) => {
          const feed = (bytes: number[]) => {
            const guard = createPacketGuard(300);
            let accepted = true;
            for (let i = 0; i < bytes.length && accepted; i += cut)
              accepted = guard.accepts(Uint8Array.from(bytes.slice(i, i + cut)));
            return accepted;
          };
          const good = lengths.flatMap(packet);
          expect(feed(good)).toBe(true);
          expect(feed([...good, ...packet(tooLong).slice(0, 5)])).toBe(false);
        },
      ),
    );
  });
});

describe('startEmbeddedBroker()', () => {
  it('passes messages on, also ones of 200 KB', async () => {
    const { url } = await start();
    const [sender, receiver] = [await client(url), await client(url)];
    const sizes: number[] = [];
    receiver.on('message', (_topic, payload) => sizes.push(payload.length));
    await receiver.subscribeAsync(topic, { qos: 1 });
    for (const size of [1, 200_000, 10]) await sender.publishAsync(topic, Buffer.alloc(size), { qos: 1 });
    await until('all are there', () => sizes.length === 3);
    expect(sizes).toEqual([1, 200_000, 10]);
  });

  it('hangs up on a client that announces a packet above the limit, and serves the others', async () => {
    const { url, port } = await start();
    const other = await client(url);
    const rude = connectSocket(port, '127.0.0.1');
    const gone = closed(rude);
    rude.on('error', () => undefined);
    // PUBLISH with a remaining length of 256 MB.
    rude.write(Buffer.from([0x30, 0xff, 0xff, 0xff, 0x7f, 0, 0]));
    await gone;
    const sender = await client(url);
    const senderGone = closed(sender);
    sender.publish(topic, Buffer.alloc(400_000));
    await senderGone;
    await other.publishAsync(topic, 'still here', { qos: 1 });
  });

  it('hangs up on bytes that are no MQTT', async () => {
    const { url, port } = await start();
    const rude = connectSocket(port, '127.0.0.1');
    const gone = closed(rude);
    rude.on('error', () => undefined);
    rude.write('GET / HTTP/1.1\r\n\r\n');
    await gone;
    await (await client(url)).publishAsync(topic, 'x', { qos: 1 });
  });

  it('takes only clients that know the token, and will not listen beyond loopback without one', async () => {
    const token = 'a-token-of-some-length';
    const { url } = await start({ token });
    await expect(client(url)).rejects.toThrow(/Not authorized/i);
    await expect(client(url, { username: 'x', password: 'wrong' })).rejects.toThrow(/Not authorized/i);
    await (await client(url, { username: 'x', password: token })).publishAsync(topic, 'x', { qos: 1 });
    await expect(start({ address: { host: '0.0.0.0', port: 0 } })).rejects.toThrow(/--token-file/);
  });

  it('keeps no session of an absent client and a bounded number of retained topics', async () => {
    const { url } = await start({ maxRetainedTopics: 2 });
    const lasting = await client(url, { clean: false, clientId: 'lasting' });
    await lasting.subscribeAsync(topic, { qos: 1 });
    await lasting.endAsync();
    const sender = await client(url);
    await sender.publishAsync(topic, 'while away', { qos: 1 });
    const got: string[] = [];
    const back = await client(url, { clean: false, clientId: 'lasting' });
    back.on('message', (_topic, payload) => got.push(payload.toString()));
    await back.subscribeAsync(topic, { qos: 1 });
    await sender.publishAsync(topic, 'now', { qos: 1 });
    await until('the new message is there', () => got.length > 0);
    expect(got).toEqual(['now']);

    await sender.publishAsync('ebb/f/1/status', 'x', { qos: 1, retain: true });
    await sender.publishAsync('ebb/f/2/status', 'x', { qos: 1, retain: true });
    await sender.publishAsync('ebb/f/2/status', '', { qos: 1, retain: true });
    await sender.publishAsync('ebb/f/3/status', 'x', { qos: 1, retain: true });
    const refused = closed(sender);
    sender.publish('ebb/f/4/status', 'x', { qos: 1, retain: true });
    await refused;
  });

  it('says which port is taken and how to choose another', async () => {
    const { port } = await start();
    await expect(start({ address: { host: '127.0.0.1', port } })).rejects.toThrow(
      /must be free.*--embedded-broker HOST:PORT/,
    );
  });
});
