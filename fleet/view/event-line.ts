import type { FleetEvent } from '../fleet-event.ts';
import { busyShare, deadlineHitRatio, hottestC } from '../readings.ts';
import { printable } from './printable.ts';
import { milliseconds, percent } from './quantities.ts';

/** One line for people, without the time. */
export function eventLine(event: FleetEvent): string {
  return printable(describe(event));
}

function describe(event: FleetEvent): string {
  if (event.event === 'broker') return `broker ${event.state}`;
  if (event.event === 'bad_message')
    return `bad message on ${event.topic} (${event.count} so far): ${event.error}`;
  const name = `${event.fleet}/${event.device}`;
  switch (event.event) {
    case 'online':
      return `${name} online`;
    case 'offline':
      return `${name} offline${event.reason === null ? '' : `: ${event.reason}`}`;
    case 'stale':
      return `${name} silent: telemetry is overdue`;
    case 'forgotten':
      return `${name} removed`;
    case 'info':
      return `${name} is ${event.board}, serves ${event.bundle} with ${event.levels} levels`;
    case 'swap': {
      const { from, to, reason } = event.swap;
      return `${name} level ${from} -> ${to}: ${reason}`;
    }
    case 'telemetry': {
      const { telemetry } = event;
      const tempC = hottestC(telemetry.readings);
      return [
        `${name} level ${telemetry.level}`,
        `${telemetry.requests} requests in ${telemetry.windowS.toFixed(1)} s`,
        `deadline met ${percent(deadlineHitRatio(telemetry))}`,
        `p50 ${milliseconds(telemetry.latencyP50Ms)}`,
        `p99 ${milliseconds(telemetry.latencyP99Ms)}`,
        `cpu ${percent(busyShare(telemetry.readings))}`,
        ...(tempC === null ? [] : [`${tempC.toFixed(0)} C`]),
      ].join(', ');
    }
  }
}
