import { join } from 'node:path';
import { listBounded, readBounded } from './read-bounded.ts';

const maxChips = 64;

/** Folders and drivers of all monitoring chips (Documentation/hwmon/sysfs-interface.rst). */
export async function listChips(root: string): Promise<{ folder: string; driver: string }[]> {
  const folder = join(root, 'sys/class/hwmon');
  const chips = (await listBounded(folder)).slice(0, maxChips);
  const found = await Promise.all(
    chips.map(async (chip) => {
      const driver = (await readBounded(join(folder, chip, 'name'), 64))?.trim();
      return driver ? [{ folder: join(folder, chip), driver }] : [];
    }),
  );
  return found.flat();
}

/** Folders of the monitoring chips of a driver. */
export async function findChips(root: string, driver: string): Promise<string[]> {
  const chips = await listChips(root);
  return chips.flatMap((chip) => (chip.driver === driver ? [chip.folder] : []));
}

/** A whole number of a chip's file. */
export async function readNumber(path: string): Promise<number | undefined> {
  const text = await readBounded(path, 64);
  return text !== undefined && /^-?\d{1,15}\s*$/.test(text) ? Number(text) : undefined;
}
