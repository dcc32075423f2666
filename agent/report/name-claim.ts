import type { Stamp } from '../../wire/stamp.ts';
import type { Status } from '../../wire/status.ts';

/** What an agent does about a status that it hears on its own topic. */
export type ClaimAction =
  /** Publish the own `online` again: a late last will stands there. */
  | { kind: 'assert' }
  /** Publish the own `online` again as an answer to a newcomer of the same name. */
  | { kind: 'answer'; start: string }
  /** An agent of the same name was here first: report nothing until it is gone. */
  | { kind: 'yield'; start: string }
  /** The agent that held the name is gone: report again. */
  | { kind: 'resume' };

/**
 * Decides who reports if two agents have the same name. It compares no clocks, only the order in which the broker delivers.
 *
 * INVARIANTS
 * - The agent that heard its own `online` first keeps the name while its connection lasts; a newcomer yields when it is
 *   answered.
 * - Only a message that is delivered live proves that another agent runs. A retained one, or an `offline`, may come from an
 *   earlier start of the same agent and raises no alarm.
 * - A newcomer is answered once a connection, so two agents never answer each other for ever.
 */
export class NameClaim {
  /** Start of the agent that holds the name instead of this one. */
  holder: string | null = null;
  private readonly own: string;
  private isHeld = false;
  private answered = new Set<string>();

  constructor(options: { start: string }) {
    this.own = options.start;
  }

  /** A new connection: the name must be claimed anew. */
  connect(): void {
    this.isHeld = false;
    this.holder = null;
    this.answered = new Set();
  }

  /** @param willSeq number of the own last will: an own `offline` of an earlier connection has a lower one. */
  receive(message: { stamp: Stamp; body: Status; retain: boolean; willSeq: number }): ClaimAction | null {
    const { stamp, body, retain, willSeq } = message;
    if (stamp.start === this.own) {
      if (this.holder !== null) return null;
      if (body.status === 'offline') return stamp.seq < willSeq - 1 ? { kind: 'assert' } : null;
      if (stamp.seq === willSeq - 1) this.isHeld = true;
      return null;
    }
    if (retain) return null;
    if (body.status === 'offline') return this.receiveEnd(stamp.start);
    if (body.answers === this.own) {
      // If each has answered the other, one must go on.
      if (this.holder !== null || (this.answered.has(stamp.start) && this.own < stamp.start)) return null;
      this.holder = stamp.start;
      return { kind: 'yield', start: stamp.start };
    }
    if (!this.isHeld || this.holder !== null || this.answered.has(stamp.start)) return null;
    this.answered.add(stamp.start);
    return { kind: 'answer', start: stamp.start };
  }

  private receiveEnd(start: string): ClaimAction | null {
    if (this.holder === null) return { kind: 'assert' };
    if (this.holder !== start) return null;
    this.holder = null;
    return { kind: 'resume' };
  }
}
