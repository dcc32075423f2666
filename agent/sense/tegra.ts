import { join } from 'node:path';
import { readBounded } from './read-bounded.ts';

/** The chip of a Jetson by its device tree, such as `tegra234`; undefined on other machines. */
export async function readTegraChip(root: string): Promise<string | undefined> {
  const compatible = await readBounded(join(root, 'proc/device-tree/compatible'), 1024);
  return /\bnvidia,(tegra\d{3})\0?/.exec(compatible ?? '')?.[1];
}
