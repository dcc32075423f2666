import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readTrace } from './read-trace.ts';
import type { Trace } from './trace.ts';

/** traces/ stands beside dist/. */
const shippedFolder = fileURLToPath(new URL('../../../traces', import.meta.url));

/** The recorded traces that come with ebb, by name. */
export async function readShippedTraces(folder = shippedFolder): Promise<Trace[]> {
  const names = await readdir(folder).catch(() => []);
  const files = names.filter((name) => name.endsWith('.json')).sort();
  return Promise.all(files.map((name) => readTrace(join(folder, name))));
}
