import { join } from 'node:path';
import { listBounded, readBounded } from './read-bounded.ts';

const maxChips = 64;

/** Folders of the monitoring chips of a driver (Documentation/hwmon/sysfs-interface.rst). */
export async function findChips(root: string, driver: string): Promise<string[]> {
  const folder = join(root, 'sys/class/hwmon');
  const chips = (await listBounded(folder)).slice(0, maxChips);
  const found = await Promise.all(
    chips.map(async (chip) => {
      const name = await readBounded(join(folder, chip, 'name'), 64);
      return name?.trim() === driver ? [join(folder, chip)] : [];
    }),
  );
  return found.flat();
}

/** A whole number of a chip's file. */
export async function readNumber(path: string): Promise<number | undefined> {
  const text = await readBounded(path, 64);
  return text !== undefined && /^-?\d{1,15}\s*$/.test(text) ? Number(text) : undefined;
}
