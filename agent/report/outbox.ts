export type OutboxItem = { kind: 'telemetry' | 'swap'; topic: string; payload: Uint8Array };

type Entry = OutboxItem & { inFlight: boolean };

/**
 * What waits for the broker, in memory.
 *
 * INVARIANTS
 * - At most `capacity` items; a further one pushes out the oldest telemetry, or the oldest swap where no telemetry is left.
 * - Items leave in the order in which they came; one leaves for good only when `acknowledge` is called, so an item
 *   may reach the broker twice but never out of turn with those that were not yet sent.
 */
export class Outbox {
  readonly dropped = { telemetry: 0, swap: 0 };
  private readonly entries: Entry[] = [];
  private readonly capacity: number;

  constructor(options: { capacity: number }) {
    this.capacity = options.capacity;
  }

  get size(): number {
    return this.entries.length;
  }

  push(item: OutboxItem): void {
    if (this.entries.length >= this.capacity) this.dropOldest();
    this.entries.push({ ...item, inFlight: false });
  }

  /** The oldest item that is not in flight, marked as such; null where there is none, or `window` are in flight already. */
  take(window: number): OutboxItem | null {
    const inFlight = this.entries.reduce((count, entry) => count + (entry.inFlight ? 1 : 0), 0);
    if (inFlight >= window) return null;
    const next = this.entries.find((entry) => !entry.inFlight);
    if (next === undefined) return null;
    next.inFlight = true;
    return next;
  }

  /** Removes an item that `take` gave. */
  acknowledge(item: OutboxItem): void {
    const index = this.entries.indexOf(item as Entry);
    if (index >= 0) this.entries.splice(index, 1);
  }

  /** Nothing is in flight any more: the connection is gone. */
  rewind(): void {
    for (const entry of this.entries) entry.inFlight = false;
  }

  /** Drops everything, uncounted. */
  clear(): void {
    this.entries.length = 0;
  }

  private dropOldest(): void {
    const telemetry = this.entries.findIndex((entry) => entry.kind === 'telemetry');
    const [dropped] = this.entries.splice(Math.max(0, telemetry), 1);
    if (dropped !== undefined) this.dropped[dropped.kind] += 1;
  }
}
