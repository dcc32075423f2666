import type { Result } from '../wire/decode.ts';
import { decodeInfo } from '../wire/info.ts';
import { decodeStatus } from '../wire/status.ts';
import { decodeSwap, type SwapEvent } from '../wire/swap.ts';
import { decodeTelemetry } from '../wire/telemetry.ts';
import { parseTopic } from '../wire/topics.ts';
import {
  applyInfo,
  applyStatus,
  applySwap,
  applyTelemetry,
  applyTime,
  type DeviceRecord,
  newDevice,
  restartClock,
} from './device-record.ts';
import type { FleetEvent } from './fleet-event.ts';

export type SwapRecord = { fleet: string; device: string; seenMs: number; swap: SwapEvent };

export type ReceivedMessage = { topic: string; payload: Uint8Array; retain: boolean };

const isPowerOfTwo = (count: number) => (count & (count - 1)) === 0;

/**
 * Which devices there are and how they do: messages in, records and events out. No I/O and no clock: the times that callers
 * give are of one monotonic clock.
 *
 * INVARIANTS
 * - At most `maxDevices` devices and `maxSwaps` swaps; a new device pushes out the one that is offline for longest,
 *   and is refused where none is offline.
 * - No message throws; a message that cannot be read changes nothing but counts.
 */
export class Roster {
  badMessages = 0;
  refusedDevices = 0;
  private readonly records = new Map<string, DeviceRecord>();
  private readonly history: SwapRecord[] = [];
  private readonly maxDevices: number;
  private readonly maxSwaps: number;

  constructor(options: { maxDevices?: number; maxSwaps?: number } = {}) {
    this.maxDevices = options.maxDevices ?? 1000;
    this.maxSwaps = options.maxSwaps ?? 500;
  }

  /** By fleet, then by device. */
  devices(): DeviceRecord[] {
    return [...this.records.values()].sort(
      (a, b) => a.fleet.localeCompare(b.fleet) || a.device.localeCompare(b.device),
    );
  }

  device(fleet: string, device: string): DeviceRecord | null {
    return this.records.get(`${fleet}/${device}`) ?? null;
  }

  /** Latest first. */
  swaps(): SwapRecord[] {
    return this.history.toReversed();
  }

  /** Takes a message as it came from the broker. */
  receive(message: ReceivedMessage, nowMs: number): FleetEvent[] {
    const topic = parseTopic(message.topic);
    if (topic === null || topic.kind === 'set' || topic.kind === 'answer') return [];
    const { fleet, device, kind } = topic;
    const name = { fleet, device };
    const { payload } = message;
    if (payload.length === 0 && (kind === 'status' || kind === 'info')) return this.forget(name, kind);
    const apply = <T>(
      result: Result<T>,
      change: (record: DeviceRecord, value: T) => DeviceRecord,
      tell: (value: T) => FleetEvent[],
    ): FleetEvent[] => {
      if (!result.ok) return this.countBad(message.topic, name, result.error);
      const before = this.device(fleet, device);
      if (before === null && !this.makeRoom()) return [];
      const known = before ?? newDevice(name, nowMs);
      const changed = change(known, result.value);
      const after = message.retain ? changed : { ...changed, lastSeenMs: nowMs };
      this.records.set(`${fleet}/${device}`, after);
      const isNews = known !== changed || before === null;
      return [
        ...(known.state !== after.state || (before === null && kind === 'status') ? [stateEvent(after)] : []),
        ...(isNews ? tell(result.value) : []),
      ];
    };
    switch (kind) {
      case 'status':
        return apply(
          decodeStatus(payload),
          (record, value) => applyStatus(record, { ...value, retain: message.retain }, nowMs),
          () => [],
        );
      case 'info':
        return apply(decodeInfo(payload), applyInfo, ({ body }) => [
          {
            event: 'info',
            ...name,
            board: body.board,
            bundle: body.bundle.name,
            levels: body.bundle.levels.length,
          },
        ]);
      case 'telemetry':
        return apply(
          decodeTelemetry(payload),
          (record, value) => applyTelemetry(record, value, nowMs),
          ({ body }) => [{ event: 'telemetry', ...name, telemetry: body }],
        );
      case 'swap':
        return apply(decodeSwap(payload), applySwap, ({ body }) => {
          this.history.push({ ...name, seenMs: nowMs, swap: body });
          if (this.history.length > this.maxSwaps) this.history.shift();
          return [{ event: 'swap', ...name, swap: body }];
        });
    }
  }

  /** Lets time pass: tells the devices whose telemetry is overdue. */
  tick(nowMs: number): FleetEvent[] {
    const events: FleetEvent[] = [];
    for (const [key, before] of this.records) {
      const after = applyTime(before, nowMs);
      if (after === before) continue;
      this.records.set(key, after);
      events.push(stateEvent(after));
    }
    return events;
  }

  /** The monitor hears its broker again: nobody's telemetry is overdue yet. */
  restartClocks(nowMs: number): void {
    for (const [key, record] of this.records) this.records.set(key, restartClock(record, nowMs));
  }

  private forget(name: { fleet: string; device: string }, kind: 'status' | 'info'): FleetEvent[] {
    const record = this.device(name.fleet, name.device);
    if (record === null || kind === 'info' || record.state === 'online') return [];
    this.records.delete(`${name.fleet}/${name.device}`);
    return [{ event: 'forgotten', ...name }];
  }

  private countBad(topic: string, name: { fleet: string; device: string }, error: string): FleetEvent[] {
    this.badMessages += 1;
    const record = this.device(name.fleet, name.device);
    if (record !== null)
      this.records.set(`${name.fleet}/${name.device}`, { ...record, badMessages: record.badMessages + 1 });
    return isPowerOfTwo(this.badMessages)
      ? [{ event: 'bad_message', topic, error, count: this.badMessages }]
      : [];
  }

  private makeRoom(): boolean {
    if (this.records.size < this.maxDevices) return true;
    let oldest: [string, DeviceRecord] | null = null;
    for (const entry of this.records)
      if (entry[1].state === 'offline' && (oldest === null || entry[1].stateSinceMs < oldest[1].stateSinceMs))
        oldest = entry;
    if (oldest === null) {
      this.refusedDevices += 1;
      return false;
    }
    this.records.delete(oldest[0]);
    return true;
  }
}

function stateEvent(record: DeviceRecord): FleetEvent {
  const name = { fleet: record.fleet, device: record.device };
  switch (record.state) {
    case 'online':
      return { event: 'online', ...name };
    case 'stale':
      return { event: 'stale', ...name };
    case 'offline':
      return { event: 'offline', ...name, reason: record.offlineReason };
  }
}
