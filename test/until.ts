/** Waits until `condition` holds; fails with its name after 15 s. */
export async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  const endMs = performance.now() + 15_000;
  while (!(await condition())) {
    if (performance.now() > endMs) throw new Error(`waited 15 s in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
