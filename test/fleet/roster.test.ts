import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createClock } from '../../fleet/clock.ts';
import { Roster } from '../../fleet/roster.ts';
import { encodeInfo } from '../../wire/info.ts';
import { encodeStatus } from '../../wire/status.ts';
import { encodeSwap } from '../../wire/swap.ts';
import { encodeTelemetry } from '../../wire/telemetry.ts';
import { deviceTopics } from '../../wire/topics.ts';
import { info, swap, telemetry } from '../wire/samples.ts';

const topics = deviceTopics({ fleet: 'f', device: 'd' });
const time = (second: number) => new Date(1_760_000_000_000 + second * 1000).toISOString();
const stamp = (seq: number, start = 'a', second = 0) => ({ start, seq, time: time(second) });

const online = (seq: number, start = 'a', second = 0) => ({
  topic: topics.status,
  payload: encodeStatus(stamp(seq, start, second), { status: 'online', reason: null }),
  retain: false,
});
const offline = (seq: number, start = 'a', second = 0) => ({
  topic: topics.status,
  payload: encodeStatus(stamp(seq, start, second), { status: 'offline', reason: 'connection lost' }),
  retain: false,
});
const window = (seq: number, start = 'a') => ({
  topic: topics.telemetry,
  payload: encodeTelemetry(stamp(seq, start), telemetry),
  retain: false,
});
const swapped = (seq: number) => ({
  topic: topics.swap,
  payload: encodeSwap(stamp(seq), swap),
  retain: false,
});
const described = {
  topic: topics.info,
  payload: encodeInfo(stamp(0), info),
  retain: true,
};
const stateOf = (roster: Roster) => roster.device('f', 'd')?.state;

describe('createClock()', () => {
  it('lets no step of the system clock change an age, and shows times by the clock as it is now', () => {
    let wallMs = 1_000_000_000_000;
    let steadyMs = 5000;
    const clock = createClock({ wallNowMs: () => wallMs, monotonicMs: () => steadyMs });
    const roster = new Roster();
    roster.receive(online(0), clock.nowMs());
    const pass = (ms: number, stepMs: number) => {
      steadyMs += ms;
      wallMs += ms + stepMs;
      return roster.tick(clock.nowMs());
    };
    // Forward by a year: nothing is stale. Back by two: what is silent still becomes so.
    expect(pass(1000, 31_536_000_000)).toEqual([]);
    expect(pass(15_000, -63_072_000_000)).toMatchObject([{ event: 'stale' }]);
    const { stateSinceMs } = roster.device('f', 'd')!;
    expect(clock.wallMs(stateSinceMs)).toBe(wallMs);
  });
});

describe('Roster', () => {
  it('follows a device from its status to its telemetry, swaps and last will', () => {
    const roster = new Roster();
    expect(roster.receive(online(0), 1000)).toEqual([{ event: 'online', fleet: 'f', device: 'd' }]);
    expect(roster.receive(described, 1000)).toMatchObject([{ event: 'info', board: info.board, levels: 3 }]);
    expect(roster.receive(window(0), 2000)).toMatchObject([{ event: 'telemetry', telemetry }]);
    expect(roster.receive(swapped(0), 3000)).toMatchObject([{ event: 'swap', swap }]);
    expect(roster.receive(offline(1), 4000)).toEqual([
      { event: 'offline', fleet: 'f', device: 'd', reason: 'connection lost' },
    ]);
    expect(roster.device('f', 'd')).toMatchObject({
      state: 'offline',
      stateSinceMs: 4000,
      lastSeenMs: 4000,
      info,
      telemetry,
      lastSwap: swap,
      swaps: 1,
      lostMessages: 0,
    });
    expect(roster.swaps()).toEqual([{ fleet: 'f', device: 'd', seenMs: 3000, swap }]);
  });

  it('calls a device offline until its status or live telemetry says otherwise, in whatever order retained messages come', () => {
    const roster = new Roster();
    expect(roster.receive(described, 0)).toMatchObject([{ event: 'info' }]);
    expect(roster.device('f', 'd')).toMatchObject({ state: 'offline', lastSeenMs: null });
    roster.receive({ ...online(0), retain: true }, 0);
    expect(stateOf(roster)).toBe('online');
    const other = new Roster();
    expect(other.receive(window(9), 0).map(({ event }) => event)).toEqual(['online', 'telemetry']);
  });

  it('ignores the last will of a connection that a later one has replaced', () => {
    const roster = new Roster();
    roster.receive(online(2), 0);
    roster.receive(offline(1), 0);
    expect(stateOf(roster)).toBe('online');
    roster.receive(online(0, 'b', 60), 0);
    roster.receive(offline(3, 'a', 0), 0);
    expect(stateOf(roster)).toBe('online');
    roster.receive(offline(1, 'b', 60), 0);
    expect(stateOf(roster)).toBe('offline');
  });

  it('compares no clock of a device: one that is years behind comes and goes as any other', () => {
    const roster = new Roster();
    roster.receive(online(0, 'a', 0), 0);
    roster.receive(online(0, 'b', -1e9), 0);
    roster.receive(offline(1, 'a', 5), 0);
    expect(stateOf(roster)).toBe('online');
    roster.receive(offline(1, 'b', -1e9), 0);
    expect(stateOf(roster)).toBe('offline');
    roster.receive(online(0, 'c', -2e9), 0);
    expect(stateOf(roster)).toBe('online');
  });

  it('takes the end of a start that it has not seen from a retained status, but not of one that was replaced', () => {
    const roster = new Roster();
    roster.receive(online(0, 'a'), 0);
    roster.receive(online(0, 'b'), 0);
    roster.receive({ ...offline(1, 'a'), retain: true }, 0);
    expect(stateOf(roster)).toBe('online');
    roster.receive({ ...offline(1, 'c'), retain: true }, 0);
    expect(stateOf(roster)).toBe('offline');
  });

  it('calls a device online by its telemetry if it came back while the monitor was away and nothing is retained', () => {
    const roster = new Roster();
    roster.receive(online(0), 0);
    roster.receive(offline(1), 0);
    roster.receive(window(3), 0);
    expect(stateOf(roster)).toBe('offline');
    roster.restartClocks(1000);
    roster.receive(window(4), 2000);
    expect(stateOf(roster)).toBe('online');
  });

  it('counts gaps in the sequence numbers, across a new start too, and leaves repetitions out', () => {
    const roster = new Roster();
    roster.receive(online(0), 0);
    roster.receive(window(5), 0);
    expect(roster.device('f', 'd')?.lostMessages).toBe(0);
    roster.receive(window(8), 0);
    expect(roster.device('f', 'd')?.lostMessages).toBe(2);
    expect(roster.receive(window(8), 0)).toEqual([]);
    expect(roster.receive(window(6), 0)).toEqual([]);
    roster.receive(window(1, 'b'), 0);
    expect(roster.device('f', 'd')?.lostMessages).toBe(3);
    roster.receive(swapped(0), 0);
    expect(roster.receive(swapped(0), 0)).toEqual([]);
    expect(roster.device('f', 'd')?.swaps).toBe(1);
  });

  it('calls an online device silent when its telemetry is overdue, and online again when it comes', () => {
    const roster = new Roster();
    roster.receive(online(0), 0);
    expect(roster.tick(15_000)).toEqual([]);
    expect(roster.tick(15_001)).toEqual([{ event: 'stale', fleet: 'f', device: 'd' }]);
    expect(roster.receive(window(0), 16_000).map(({ event }) => event)).toEqual(['online', 'telemetry']);
    expect(roster.tick(21_000)).toEqual([]);
    roster.restartClocks(40_000);
    expect(roster.tick(45_000)).toEqual([]);
    expect(roster.tick(45_001)).toMatchObject([{ event: 'stale' }]);
  });

  it('forgets a device that is not online when its retained status is deleted', () => {
    const roster = new Roster();
    const empty = { topic: topics.status, payload: new Uint8Array(), retain: false };
    roster.receive(online(0), 0);
    expect(roster.receive(empty, 0)).toEqual([]);
    roster.receive(offline(1), 0);
    expect(roster.receive(empty, 0)).toEqual([{ event: 'forgotten', fleet: 'f', device: 'd' }]);
    expect(roster.devices()).toEqual([]);
  });

  it('tells bad messages at each doubling of their count, and makes no device of them', () => {
    const roster = new Roster();
    const bad = { topic: topics.telemetry, payload: new Uint8Array([0xff]), retain: false };
    const told = Array.from({ length: 100 }, () => roster.receive(bad, 0)).flat();
    expect(told.map((event) => event.event === 'bad_message' && event.count)).toEqual([
      1, 2, 4, 8, 16, 32, 64,
    ]);
    expect(roster.badMessages).toBe(100);
    expect(roster.devices()).toEqual([]);
  });

  it('makes room for a new device by dropping the one that is offline for longest, or refuses', () => {
    const roster = new Roster({ maxDevices: 2 });
    const from = (device: string, message: ReturnType<typeof online>) => ({
      ...message,
      topic: `ebb/f/${device}/status`,
    });
    roster.receive(from('x', online(0)), 0);
    roster.receive(from('y', online(0)), 0);
    expect(roster.receive(from('z', online(0)), 0)).toEqual([]);
    expect(roster.refusedDevices).toBe(1);
    roster.receive(from('y', offline(1)), 1);
    roster.receive(from('x', offline(1)), 2);
    roster.receive(from('z', online(0)), 3);
    expect(roster.devices().map(({ device }) => device)).toEqual(['x', 'z']);
  });

  it('stays within its bounds and never throws, whatever comes', () => {
    const name = fc.constantFrom('a', 'b', 'c', 'd', 'e', '', '+', 'x'.repeat(70));
    const leaf = fc.constantFrom('status', 'info', 'telemetry', 'swap', 'set/level', 'set/level/answer', 'x');
    const payload = fc.oneof(
      fc
        .constantFrom(online(0), offline(1), window(0), swapped(0), described)
        .map((message) => message.payload),
      fc.nat(1_000_000).map((seq) => swapped(seq).payload),
      fc.uint8Array({ maxLength: 50 }),
    );
    const message = fc.record({
      topic: fc.tuple(name, name, leaf).map((parts) => `ebb/${parts.join('/')}`),
      payload,
      retain: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(message, { maxLength: 60 }), (messages) => {
        const roster = new Roster({ maxDevices: 3, maxSwaps: 4 });
        messages.forEach((each, i) => {
          roster.receive(each, i * 1000);
          roster.tick(i * 1000);
        });
        expect(roster.devices().length).toBeLessThanOrEqual(3);
        expect(roster.swaps().length).toBeLessThanOrEqual(4);
      }),
    );
  });
});
