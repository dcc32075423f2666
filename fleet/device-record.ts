import type { DeviceInfo } from '../wire/info.ts';
import type { Stamp, Stamped } from '../wire/stamp.ts';
import type { Status } from '../wire/status.ts';
import type { SwapEvent } from '../wire/swap.ts';
import type { Telemetry } from '../wire/telemetry.ts';

/** How far one topic of a device has come. */
type Position = { start: string; seq: number };

/** All that a monitor knows of one device. Times are those of the monitor's monotonic clock, see `clock.ts`. */
export type DeviceRecord = {
  readonly fleet: string;
  readonly device: string;
  /** `stale`: said to be online, but its telemetry is overdue. */
  readonly state: 'online' | 'stale' | 'offline';
  /** Why it is offline, as its status tells. */
  readonly offlineReason: string | null;
  /** When the monitor learned it. A retained message may be older: its true age cannot be known without trusting clocks. */
  readonly stateSinceMs: number;
  /** When a live message came last; null where only retained ones are known. */
  readonly lastSeenMs: number | null;
  readonly info: DeviceInfo | null;
  readonly telemetry: Telemetry | null;
  /** When telemetry came last; the time the device was first heard of where none has. */
  readonly telemetryAtMs: number;
  readonly lastSwap: SwapEvent | null;
  readonly swaps: number;
  /** Messages that the sequence numbers say were sent and that never came. */
  readonly lostMessages: number;
  readonly badMessages: number;
  readonly statusStamp: Stamp | null;
  /** Starts of the agent that a later one has replaced, the latest last. */
  readonly pastStarts: readonly string[];
  readonly positions: { readonly telemetry: Position | null; readonly swap: Position | null };
};

/** Telemetry is overdue after three windows, but not before this. */
const staleLeastMs = 5000;
/** How long a device may say nothing at all before its first telemetry. */
const staleFirstMs = 15_000;
const pastStartsMax = 8;

export function newDevice(name: { fleet: string; device: string }, nowMs: number): DeviceRecord {
  return {
    fleet: name.fleet,
    device: name.device,
    // What is retained may come in any order: not before its status, or live telemetry, is a device called online.
    state: 'offline',
    offlineReason: 'no status yet',
    stateSinceMs: nowMs,
    lastSeenMs: null,
    info: null,
    telemetry: null,
    telemetryAtMs: nowMs,
    lastSwap: null,
    swaps: 0,
    lostMessages: 0,
    badMessages: 0,
    statusStamp: null,
    pastStarts: [],
    positions: { telemetry: null, swap: null },
  };
}

function withState(record: DeviceRecord, state: DeviceRecord['state'], nowMs: number): DeviceRecord {
  return record.state === state ? record : { ...record, state, stateSinceMs: nowMs };
}

/**
 * Applies a status; the record is returned unchanged if the status is older than what is known. Only numbers and the order of
 * delivery decide: the device's clock may stand anywhere.
 */
export function applyStatus(
  record: DeviceRecord,
  message: Stamped<Status> & { retain: boolean },
  nowMs: number,
): DeviceRecord {
  const { stamp, body } = message;
  if (isSuperseded(record, message)) return record;
  const known = record.statusStamp;
  const isAnew = known !== null && known.start !== stamp.start;
  const pastStarts = isAnew
    ? [...record.pastStarts.filter((start) => start !== stamp.start), known.start].slice(-pastStartsMax)
    : record.pastStarts;
  const next = { ...record, statusStamp: stamp, pastStarts };
  if (body.status === 'offline') return { ...withState(next, 'offline', nowMs), offlineReason: body.reason };
  return { ...withState(next, 'online', nowMs), offlineReason: null, telemetryAtMs: nowMs };
}

function isSuperseded(
  { statusStamp: known, pastStarts }: DeviceRecord,
  { stamp, body, retain }: Stamped<Status> & { retain: boolean },
): boolean {
  if (known === null) return false;
  if (stamp.start === known.start) return stamp.seq <= known.seq;
  if (body.status === 'online') return false;
  // A broker may deliver the last will of an earlier connection after the next one's `online`. A start that this monitor has
  // not seen ended while the monitor was away, if the broker retained its end.
  return !retain || pastStarts.includes(stamp.start);
}

export function applyInfo(record: DeviceRecord, message: Stamped<DeviceInfo>): DeviceRecord {
  return { ...record, info: message.body };
}

/** How many were lost before this one; null where it, or a later one, has come already. */
function lostBefore(position: Position | null, stamp: Stamp): number | null {
  if (position === null) return 0;
  if (position.start !== stamp.start) return stamp.seq;
  return stamp.seq <= position.seq ? null : stamp.seq - position.seq - 1;
}

/** Applies telemetry; the record is returned unchanged where it is a repetition. */
export function applyTelemetry(
  record: DeviceRecord,
  message: Stamped<Telemetry>,
  nowMs: number,
): DeviceRecord {
  const { stamp, body } = message;
  const lost = lostBefore(record.positions.telemetry, stamp);
  if (lost === null) return record;
  const next = {
    ...record,
    telemetry: body,
    telemetryAtMs: nowMs,
    lostMessages: record.lostMessages + lost,
    positions: { ...record.positions, telemetry: { start: stamp.start, seq: stamp.seq } },
  };
  const alive = record.state === 'stale' || record.statusStamp === null;
  return alive ? { ...withState(next, 'online', nowMs), offlineReason: null } : next;
}

/** Applies a swap; the record is returned unchanged where it is a repetition. */
export function applySwap(record: DeviceRecord, message: Stamped<SwapEvent>): DeviceRecord {
  const { stamp, body } = message;
  const lost = lostBefore(record.positions.swap, stamp);
  if (lost === null) return record;
  return {
    ...record,
    lastSwap: body,
    swaps: record.swaps + 1,
    lostMessages: record.lostMessages + lost,
    positions: { ...record.positions, swap: { start: stamp.start, seq: stamp.seq } },
  };
}

/**
 * The monitor hears its broker again after it heard nothing: an online device gets its full time once more, and an offline one
 * may have come back unseen, so that telemetry is enough to call it online.
 */
export function restartClock(record: DeviceRecord, nowMs: number): DeviceRecord {
  if (record.state === 'online') return { ...record, telemetryAtMs: nowMs };
  return record.state === 'offline' ? { ...record, statusStamp: null } : record;
}

/** Marks a device whose telemetry is overdue. */
export function applyTime(record: DeviceRecord, nowMs: number): DeviceRecord {
  if (record.state !== 'online') return record;
  const limitMs =
    record.telemetry === null ? staleFirstMs : Math.max(staleLeastMs, record.telemetry.windowS * 3000);
  return nowMs - record.telemetryAtMs > limitMs ? withState(record, 'stale', nowMs) : record;
}
