/**
 * Lets a listener take at most `perTurn` calls in a turn of the event loop; those that came with them have the next turns, in their order. What a
 * burst of requests brings is so no single long turn: timers, and answers that are ready, come in between.
 */
export function spreadOverTurns<Args extends unknown[]>(
  listener: (...args: Args) => void,
  perTurn: number,
): (...args: Args) => void {
  let waiting: Args[] = [];

  function takeTurn(): void {
    const now = waiting.slice(0, perTurn);
    waiting = waiting.slice(perTurn);
    if (waiting.length > 0) setImmediate(takeTurn);
    for (const args of now) listener(...args);
  }

  return (...args) => {
    if (waiting.push(args) === 1) setImmediate(takeTurn);
  };
}
