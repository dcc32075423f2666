import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';

/** What became of the requests of a closed loop so far. */
export type Tally = {
  answered: number;
  /** Refused as the server had too much to do, which is a right answer. */
  refused: number;
  /** What should not have come: another status, a broken connection. */
  errors: number;
  /** Answers that are not bit-equal to what their level makes of the input. */
  different: number;
};

export const emptyTally = (): Tally => ({ answered: 0, refused: 0, errors: 0, different: 0 });

export function addTallies(a: Tally, b: Tally): Tally {
  return {
    answered: a.answered + b.answered,
    refused: a.refused + b.refused,
    errors: a.errors + b.errors,
    different: a.different + b.different,
  };
}

export type Ending = keyof Tally;

export type ClosedLoopOptions = {
  /** Requests at any time; each is followed by the next one. */
  inFlight: number;
  /** Sends request number `index` and says how it ended; must not reject. */
  send: (index: number) => Promise<Ending>;
  onEnding: (ending: Ending) => void;
  /** Who was refused waits so long before the next request. */
  backOffMs: number;
  signal: AbortSignal;
};

/** Keeps a server as busy as it can be: so many requests are in flight until `signal` is aborted; resolves when the last has ended. */
export async function runClosedLoop(options: ClosedLoopOptions): Promise<void> {
  const { inFlight, send, onEnding, backOffMs, signal } = options;
  let next = 0;
  async function client(_: unknown, turns: number): Promise<void> {
    // Not all in one turn of the event loop: that would be this load's doing.
    for (let turn = 0; turn < turns; turn += 1) await nextTurn();
    while (!signal.aborted) {
      const ending = await send(next++);
      onEnding(ending);
      if (ending === 'refused' || ending === 'errors') await sleep(backOffMs);
    }
  }
  await Promise.all(Array.from({ length: inFlight }, client));
}
