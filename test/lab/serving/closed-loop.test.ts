import { describe, expect, it } from 'vitest';
import { type Ending, runClosedLoop } from '../../../lab/load/closed-loop.ts';

describe('runClosedLoop()', () => {
  it('keeps so many requests in flight, never more, and ends when the last has ended', async () => {
    const end = new AbortController();
    let flying = 0;
    let most = 0;
    const endings: Ending[] = [];
    await runClosedLoop({
      inFlight: 3,
      async send(index) {
        flying += 1;
        most = Math.max(most, flying);
        await new Promise((resolve) => setImmediate(resolve));
        flying -= 1;
        if (index === 30) end.abort();
        return index % 10 === 0 ? 'refused' : 'answered';
      },
      onEnding: (ending) => endings.push(ending),
      backOffMs: 1,
      signal: end.signal,
    });
    expect(most).toBe(3);
    expect(flying).toBe(0);
    expect(endings.length).toBeGreaterThanOrEqual(31);
    expect(endings.filter((ending) => ending === 'refused')).toHaveLength(4);
  });
});
