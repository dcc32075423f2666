import type { SwapEvent } from '../wire/swap.ts';
import type { Telemetry } from '../wire/telemetry.ts';
import type { Clock } from './clock.ts';
import type { DeviceRecord } from './device-record.ts';
import type { FleetEvent } from './fleet-event.ts';
import { busyShare, deadlineHitRatio, deadlineMisses, hottestC } from './readings.ts';
import type { SwapRecord } from './roster.ts';

// What HTTP and --json show: snake_case with units, as on the wire.

type WallMs = Clock['wallMs'];

const isoOrNull = (ms: number | null, wallMs: WallMs) =>
  ms === null ? null : new Date(wallMs(ms)).toISOString();

function telemetryJson(telemetry: Telemetry) {
  return {
    window_s: telemetry.windowS,
    requests: telemetry.requests,
    deadline_hits: telemetry.deadlineHits,
    deadline_misses: deadlineMisses(telemetry),
    deadline_hit_ratio: deadlineHitRatio(telemetry),
    deadline_ms: telemetry.deadlineMs,
    latency_p50_ms: telemetry.latencyP50Ms,
    latency_p99_ms: telemetry.latencyP99Ms,
    level: telemetry.level,
    level_share: telemetry.levelShare,
    expected_accuracy: telemetry.expectedAccuracy,
    policy: telemetry.policy,
    slowdown: telemetry.slowdown,
    queue_depth: telemetry.queueDepth,
    rejected: telemetry.rejected,
    cpu_busy_ratio: busyShare(telemetry.readings),
    temperature_celsius: hottestC(telemetry.readings),
    readings: telemetry.readings,
  };
}

function swapJson(swap: SwapEvent) {
  const { from, to, reason, at, policy } = swap;
  return { from, to, reason, at, policy };
}

export function deviceJson(record: DeviceRecord, wallMs: WallMs) {
  const { info } = record;
  return {
    fleet: record.fleet,
    device: record.device,
    state: record.state,
    state_since: isoOrNull(record.stateSinceMs, wallMs),
    offline_reason: record.offlineReason,
    last_seen: isoOrNull(record.lastSeenMs, wallMs),
    info: info && {
      board: info.board,
      os: info.os,
      cpu: info.cpu,
      cores: info.cores,
      memory_bytes: info.memoryBytes,
      bundle: info.bundle,
      sensors: info.sensors,
      engine: info.engine,
      ebb_version: info.ebbVersion,
    },
    telemetry: record.telemetry && telemetryJson(record.telemetry),
    last_swap: record.lastSwap && swapJson(record.lastSwap),
    swaps: record.swaps,
    lost_messages: record.lostMessages,
    bad_messages: record.badMessages,
  };
}

export function swapRecordJson({ fleet, device, seenMs, swap }: SwapRecord, wallMs: WallMs) {
  return { fleet, device, seen: isoOrNull(seenMs, wallMs), ...swapJson(swap) };
}

export function eventJson(event: FleetEvent, time: Date) {
  const head = { event: event.event, time: time.toISOString() };
  switch (event.event) {
    case 'telemetry':
      return { ...head, fleet: event.fleet, device: event.device, ...telemetryJson(event.telemetry) };
    case 'swap':
      return { ...head, fleet: event.fleet, device: event.device, ...swapJson(event.swap) };
    default:
      return { ...head, ...event };
  }
}
