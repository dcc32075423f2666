import { createHash } from 'node:crypto';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { wheelVersion } from './wheel.mjs';

// Written last: a tree without it is not whole. trainer/backend/native-package.ts looks for it too.
const stampName = 'ready.json';

/** What must be the same for an installed tree to be used again. */
function wanted() {
  const lock = readFileSync(new URL('package-lock.json', import.meta.url));
  const recipe = createHash('sha256').update(wheelVersion).update(lock).digest('hex');
  return { recipe, platform: process.platform, arch: process.arch };
}

/** The stamp of the tree in `home`, or undefined where there is none that fits. */
export function readStamp(home) {
  try {
    const stamp = JSON.parse(readFileSync(join(home, stampName), 'utf8'));
    const fits = Object.entries(wanted()).every(([key, value]) => stamp[key] === value);
    return fits ? stamp : undefined;
  } catch {
    return undefined;
  }
}

/** To be called before a tree is deleted, so that half of one does not pass for whole. */
export function removeStamp(home) {
  rmSync(join(home, stampName), { force: true });
}

export function writeStamp(home, facts) {
  writeFileSync(join(home, stampName), `${JSON.stringify({ ...facts, ...wanted() }, undefined, 2)}\n`);
}
