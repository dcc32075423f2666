/** Something that works piece by piece. */
export type Contestant = {
  /** Works one turn; resolves to `true` where that was the last. */
  turn(): Promise<boolean>;
};

/**
 * Lets contestants that are held open side by side work in turns, one at a time: a machine that slows down meanwhile slows all of
 * them alike, so that the ratio of their times holds where the times themselves scatter.
 *
 * @returns seconds of each turn, by contestant.
 */
export async function takeTurns(contestants: Contestant[]): Promise<number[][]> {
  const seconds = contestants.map((): number[] => []);
  const left = new Set(contestants.keys());
  while (left.size > 0)
    for (const index of [...left]) {
      const startMs = performance.now();
      if (await contestants[index].turn()) left.delete(index);
      seconds[index].push((performance.now() - startMs) / 1000);
    }
  return seconds;
}
