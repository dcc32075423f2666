import type { SwapEvent } from '../wire/swap.ts';
import type { Telemetry } from '../wire/telemetry.ts';

type OfDevice = { fleet: string; device: string };

/** What happened in the fleet. */
export type FleetEvent =
  | (OfDevice & { event: 'online' })
  | (OfDevice & { event: 'offline'; reason: string | null })
  /** Telemetry is overdue, though nobody said that the device is offline. */
  | (OfDevice & { event: 'stale' })
  | (OfDevice & { event: 'info'; board: string; bundle: string; levels: number })
  | (OfDevice & { event: 'telemetry'; telemetry: Telemetry })
  | (OfDevice & { event: 'swap'; swap: SwapEvent })
  /** Its retained status was deleted. */
  | (OfDevice & { event: 'forgotten' })
  /** Told at the first bad message and then each time their count has doubled, so that a flood stays a trickle. */
  | { event: 'bad_message'; topic: string; error: string; count: number }
  | { event: 'broker'; state: 'connected' | 'lost' };
