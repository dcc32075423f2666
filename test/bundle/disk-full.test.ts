import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../temporary-folder.ts';

/** A mount of our own needs Linux and either root or user namespaces. */
const canMount = spawnSync('unshare', ['-rm', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt']).status === 0;

const module = (path: string) => JSON.stringify(new URL(path, import.meta.url).href);
const script = `
  import { readdirSync } from 'node:fs';
  const { writeBundle } = await import(${module('../../bundle/write-bundle.js')});
  const { writeFileAtomic } = await import(${module('../../bundle/write-file-atomic.js')});
  const { tinyBundle } = await import(${module('../tiny-bundle.js')});
  await writeFileAtomic('mine', 'old');
  const tell = (write) => write.then(() => 'written', (error) => error.message);
  console.log(JSON.stringify({
    bundle: await tell(writeBundle('bundle', tinyBundle([4000, 8]))),
    file: await tell(writeFileAtomic('mine', 'x'.repeat(1e6))),
    left: readdirSync('.'),
    mine: (await import('node:fs')).readFileSync('mine', 'utf8'),
  }));
`;

describe.skipIf(!canMount)('a full disk (needs unshare and the right to mount)', () => {
  it('leaves no half-written bundle or file, and the error says that no space is left', async () => {
    const dir = await temporaryFolder();
    const mount = 'mount -t tmpfs -o size=64k tmpfs "$1" && cd "$1" && exec "$2" --input-type=module -e "$3"';
    const run = spawnSync('unshare', ['-rm', 'sh', '-c', mount, 'sh', dir, process.execPath, script], {
      encoding: 'utf8',
    });
    const { bundle, file, left, mine } = JSON.parse(run.stdout);
    expect(bundle).toMatch(/^Cannot write bundle "bundle": ENOSPC/);
    expect(file).toMatch(/^ENOSPC/);
    expect(left).toEqual(['mine']);
    expect(mine).toBe('old');
  });
});
