/**
 * Does `task(0)` to `task(count - 1)`, begun in this order, `atOnce` of them at a time. After a failure no further one begins.
 *
 * @throws what the first task in order that failed threw: all before it have begun and are waited for, so that chance has no say.
 */
export async function eachBounded(
  count: number,
  atOnce: number,
  task: (index: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  const failures = new Map<number, unknown>();
  const work = async () => {
    while (next < count && failures.size === 0) {
      const index = next++;
      try {
        await task(index);
      } catch (error) {
        failures.set(index, error);
      }
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  if (failures.size > 0) throw failures.get(Math.min(...failures.keys()));
}
