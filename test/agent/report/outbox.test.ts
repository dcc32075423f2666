import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Outbox, type OutboxItem } from '../../../agent/report/outbox.ts';

const item = (kind: OutboxItem['kind'], number: number): OutboxItem => ({
  kind,
  topic: String(number),
  payload: new Uint8Array(),
});

describe('Outbox', () => {
  it('pushes out the oldest telemetry first, and swaps only where no telemetry is left', () => {
    const outbox = new Outbox({ capacity: 3 });
    outbox.push(item('swap', 0));
    outbox.push(item('telemetry', 1));
    outbox.push(item('telemetry', 2));
    outbox.push(item('swap', 3));
    outbox.push(item('swap', 4));
    outbox.push(item('swap', 5));
    expect(outbox.dropped).toEqual({ telemetry: 2, swap: 1 });
    expect([outbox.take(9)?.topic, outbox.take(9)?.topic, outbox.take(9)?.topic]).toEqual(['3', '4', '5']);
  });

  it('gives no more than the window until one is acknowledged', () => {
    const outbox = new Outbox({ capacity: 9 });
    for (let i = 0; i < 4; i += 1) outbox.push(item('telemetry', i));
    const first = outbox.take(2);
    expect(outbox.take(2)?.topic).toBe('1');
    expect(outbox.take(2)).toBeNull();
    outbox.acknowledge(first!);
    expect(outbox.take(2)?.topic).toBe('2');
  });

  it('gives what was not acknowledged again, in order, after a rewind', () => {
    const outbox = new Outbox({ capacity: 9 });
    for (let i = 0; i < 4; i += 1) outbox.push(item('telemetry', i));
    outbox.take(9);
    const second = outbox.take(9);
    outbox.take(9);
    outbox.acknowledge(second!);
    outbox.rewind();
    expect([0, 1, 2].map(() => outbox.take(9)?.topic)).toEqual(['0', '2', '3']);
  });

  it('stays within its capacity and in order, whatever happens', () => {
    const action = fc.constantFrom('telemetry', 'swap', 'take', 'acknowledge', 'rewind');
    fc.assert(
      fc.property(
        fc.array(action, { maxLength: 200 }),
        fc.integer({ min: 1, max: 8 }),
        (actions, capacity) => {
          const outbox = new Outbox({ capacity });
          let made = 0;
          let taken: OutboxItem[] = [];
          for (const name of actions) {
            if (name === 'telemetry' || name === 'swap') outbox.push(item(name, made++));
            else if (name === 'rewind') {
              outbox.rewind();
              taken = [];
            } else if (name === 'acknowledge') {
              const first = taken.shift();
              if (first) outbox.acknowledge(first);
            } else {
              const next = outbox.take(4);
              if (next) {
                const last = taken.at(-1);
                if (last) expect(Number(next.topic)).toBeGreaterThan(Number(last.topic));
                taken.push(next);
              }
            }
            expect(outbox.size).toBeLessThanOrEqual(capacity);
          }
        },
      ),
    );
  });
});
