import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Roster } from '../../fleet/roster.ts';
import { eventLine } from '../../fleet/view/event-line.ts';
import { duration, milliseconds, percent, shareBars } from '../../fleet/view/quantities.ts';
import { renderRoster, type ViewState } from '../../fleet/view/roster-view.ts';
import { encodeStatus } from '../../wire/status.ts';
import { encodeSwap } from '../../wire/swap.ts';
import { encodeTelemetry } from '../../wire/telemetry.ts';
import { stamp, swap, telemetry } from '../wire/samples.ts';

function fleetOf(devices: string[], reason = swap.reason): Roster {
  const roster = new Roster();
  for (const device of devices) {
    const message = (leaf: string, payload: Uint8Array) =>
      roster.receive({ topic: `ebb/home/${device}/${leaf}`, payload, retain: false }, 1000);
    message('status', encodeStatus(stamp, { status: 'online', reason: null }));
    message('telemetry', encodeTelemetry(stamp, telemetry));
    message('swap', encodeSwap(stamp, { ...swap, reason }));
  }
  return roster;
}

function render(roster: Roster, change: Partial<ViewState> = {}): string {
  return renderRoster({
    roster,
    brokerUrl: 'mqtt://127.0.0.1:1883',
    brokerConnected: true,
    mqtt: '5',
    httpUrl: 'http://127.0.0.1:8081',
    notice: null,
    nowMs: 4000,
    wallMs: (ms) => ms,
    columns: 120,
    rows: 30,
    color: false,
    ...change,
  });
}

describe('renderRoster()', () => {
  it('says what to do while there is no device', () => {
    expect(render(new Roster())).toContain('ebb run BUNDLE --broker mqtt://127.0.0.1:1883');
  });

  it('shows level, share, deadlines met, latency, temperature and the last swaps with their reasons', () => {
    const text = render(fleetOf(['cam']));
    expect(text).toMatch(/cam +online +1 +deadline +▅▅· +96% .*8\.5 ms +19\.3 ms/);
    expect(text).toContain('home/cam  0 → 1  level 0 meets 20 ms in 61% of runs');
  });

  it('shows a pinned device as fixed, late requests apart from lost messages', () => {
    const roster = fleetOf(['cam']);
    const fixed = encodeTelemetry(
      { ...stamp, seq: stamp.seq + 4 },
      { ...telemetry, policy: 'fixed', rejected: 3 },
    );
    roster.receive({ topic: 'ebb/home/cam/telemetry', payload: fixed, retain: false }, 2000);
    const [head, row] = render(roster, { columns: 160 })
      .split('\n')
      .filter((line) => /^(device|cam) /.test(line)) as [string, string];
    expect(head).toMatch(/ policy .* late .* lost msgs /);
    const cell = (name: string) =>
      row
        .slice(0, head.indexOf(name) + name.length)
        .split(' ')
        .at(-1);
    expect(row).toMatch(/online +1 +fixed/);
    expect(cell('late')).toBe('5');
    expect(cell('lost msgs')).toBe('3');
  });

  it('fits every terminal from 40 columns and 12 rows', () => {
    const devices = Array.from({ length: 30 }, (_, i) => `camera-with-a-long-name-${i}`);
    const roster = fleetOf(devices, 'x'.repeat(500));
    fc.assert(
      fc.property(fc.integer({ min: 40, max: 200 }), fc.integer({ min: 12, max: 60 }), (columns, rows) => {
        const lines = render(roster, { columns, rows, notice: 'n'.repeat(300) }).split('\n');
        expect(Math.max(...lines.map((line) => [...line].length))).toBeLessThanOrEqual(columns);
        expect(lines.length).toBeLessThan(rows);
      }),
      { numRuns: 40 },
    );
  });

  it('uses the lines of a small terminal for devices first', () => {
    const text = render(fleetOf(['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']), { rows: 16 });
    expect(text.match(/ online /g)).toHaveLength(6);
    expect(text).toContain('and 2 more');
    expect(
      render(fleetOf(['a', 'b', 'c', 'd', 'e', 'f', 'g']), { rows: 16 }).match(/ online /g),
    ).toHaveLength(7);
  });

  it('says that the broker is away', () => {
    expect(render(new Roster(), { brokerConnected: false })).toContain('not connected, trying again');
  });

  it('lets no escape sequence of a sender through', () => {
    const text = render(fleetOf(['cam'], '\u001b[2Jgone\u0007\u202e'));
    expect(text).toContain('?[2Jgone??');
    expect(text.replaceAll('\n', '')).not.toMatch(/\p{C}/u);
    expect(
      eventLine({ event: 'swap', fleet: 'f', device: 'd', swap: { ...swap, reason: 'a\u001b]0;x\nb' } }),
    ).toBe('f/d level 0 -> 1: a?]0;x?b');
  });
});

describe('quantities', () => {
  it('never round a miss up to all', () => {
    expect(percent(0.9996)).toBe('99.9%');
    expect(percent(1)).toBe('100%');
    expect(percent(0.985)).toMatch(/^9[89]%$/);
    expect(percent(null)).toBe('-');
  });

  it('are short', () => {
    expect([0.421, 8.53, 123.4].map(milliseconds)).toEqual(['0.42 ms', '8.5 ms', '123 ms']);
    expect([-5, 3200, 720_000, 86_400_000, 200_000_000].map(duration)).toEqual([
      '0 s',
      '3 s',
      '12 min',
      '24 h',
      '2 d',
    ]);
    expect(shareBars([1, 0.5, 0.01, 0])).toBe('█▅▁·');
  });
});
