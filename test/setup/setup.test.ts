import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findForeignLibraries, onnxruntimeFolder, pruneLibraries } from '../../setup/prune-libraries.ts';
import { ebbCommand } from '../../terminal/ebb-command.ts';
import { extraFolders, packageRoot } from '../../terminal/package-folders.ts';
import { ebb, endsWithin2s, printed, spawnEbb } from '../cli/ebb.ts';
import { projectRoot } from '../project-root.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { until } from '../until.ts';

/** An onnxruntime-node of 100 bytes for each platform. */
async function fakeOnnxruntime(): Promise<string> {
  const root = await temporaryFolder();
  for (const path of ['linux/x64', 'linux/arm64', 'darwin/arm64', 'win32/x64', 'win32/arm64']) {
    await mkdir(join(root, 'bin/napi-v6', path), { recursive: true });
    await writeFile(join(root, 'bin/napi-v6', path, 'library'), Buffer.alloc(100));
  }
  return root;
}

describe('pruneLibraries()', () => {
  it("removes other platforms' libraries, says their bytes, and finds nothing the second time", async () => {
    const root = await fakeOnnxruntime();
    const here = { platform: 'linux', arch: 'arm64' } as const;
    const removed = pruneLibraries(root, here);
    expect(removed.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(400);
    const left = await readdir(join(root, 'bin/napi-v6'), { recursive: true });
    expect(left.sort()).toEqual(['linux', 'linux/arm64', 'linux/arm64/library']);
    expect(pruneLibraries(root, here)).toEqual([]);
  });

  it('removes nothing on a platform that has no library of its own', async () => {
    expect(findForeignLibraries(await fakeOnnxruntime(), { platform: 'linux', arch: 'riscv64' })).toEqual([]);
  });
});

describe('the script before an installation', () => {
  it("adds one line to onnxruntime-node's, which is of the known shape, and only once", async () => {
    const script = new URL(`file://${join(projectRoot, 'scripts', 'skip-cuda.mjs')}`).href;
    const { skipUnlessAsked } = await import(script);
    const original = await readFile(join(onnxruntimeFolder(), 'script', 'install.js'), 'utf8');
    const changed = skipUnlessAsked(original);
    expect(changed).toContain('if (INSTALL_FLAG === undefined) process.exit(0);');
    expect(skipUnlessAsked(changed)).toBe(changed);
    expect(skipUnlessAsked('something else')).toBe('something else');
  });
});

describe('ebbCommand()', () => {
  it('is what can be typed where the user stands, and never lets npx download a stranger', async () => {
    const dir = await temporaryFolder();
    const root = projectRoot;
    const nowhere = { path: '/nowhere', root };
    expect(ebbCommand({ cwd: root, ...nowhere })).toBe('npx ebb');
    expect(ebbCommand({ cwd: join(root, 'docs'), ...nowhere })).toBe('npx ebb');
    expect(ebbCommand({ cwd: dir, ...nowhere })).toBe(`node ${join(root, 'dist', 'cli.js')}`);

    const bin = join(dir, 'bin');
    await mkdir(bin);
    await symlink(join(root, 'dist', 'cli.js'), join(bin, 'ebb'));
    expect(ebbCommand({ cwd: dir, path: bin, root })).toBe('ebb');

    const project = join(dir, 'project');
    await mkdir(join(project, 'node_modules', '.bin'), { recursive: true });
    await symlink(join(root, 'dist', 'cli.js'), join(project, 'node_modules', '.bin', 'ebb'));
    expect(ebbCommand({ cwd: project, path: bin, root })).toBe('npx ebb');
  });
});

describe('folders that setup writes', () => {
  it('are beside package.json, else in the cache, for the script that writes and the code that reads', async () => {
    const script = new URL(`file://${join(projectRoot, 'scripts', 'extra-folder.mjs')}`).href;
    const { cacheFolder, extraFolder } = await import(script);
    expect(join(packageRoot, '/')).toBe(projectRoot);
    for (const env of [{ XDG_CACHE_HOME: '/cache' }, { XDG_CACHE_HOME: 'relative' }, {}])
      expect(extraFolders('kernels', { env })).toEqual([
        extraFolder('kernels', { env }),
        cacheFolder('kernels', { env }),
      ]);
    expect(cacheFolder('kernels', { env: { XDG_CACHE_HOME: '/cache' } })).toMatch(/^\/cache\/ebb\/kernels-0/);
    expect(cacheFolder('kernels', { env: { XDG_CACHE_HOME: 'relative' } })).toContain(homedir());
  });
});

describe('cures', () => {
  it('name no script of the clone, which an installed package does not have', () => {
    const rooms = [
      'agent',
      'bundle',
      'engine',
      'fleet',
      'lab',
      'listen',
      'setup',
      'terminal',
      'trainer',
      'wire',
    ];
    const files = rooms.flatMap((room) =>
      readdirSync(join(projectRoot, room), { recursive: true, encoding: 'utf8' })
        .filter((path) => path.endsWith('.ts'))
        .map((path) => join(room, path)),
    );
    const naming = files.filter((file) =>
      /npm (run|ci\b)|build:kernels|setup:native/.test(readFileSync(join(projectRoot, file), 'utf8')),
    );
    expect(naming).toEqual([]);
  });
});

describe('ebb setup', () => {
  it('that is stopped in the middle ends its compilers and leaves nothing', async () => {
    const dir = await temporaryFolder();
    // A compiler that says its version and then never ends.
    const compiler = join(dir, 'compiler');
    await writeFile(
      compiler,
      '#!/bin/sh\n[ "$1" = --version ] && exit 0\necho $$ >> "$0.pids"\nexec sleep 60\n',
      {
        mode: 0o755,
      },
    );
    const child = spawnEbb(['setup'], { env: { ...process.env, CC: compiler } });
    await printed(child, /compiling/);
    await until('a compiler runs', () => existsSync(`${compiler}.pids`));
    expect(await endsWithin2s(child, 'SIGINT')).toBe(130);
    const pids = (await readFile(`${compiler}.pids`, 'utf8')).trim().split('\n').map(Number);
    // A killed process may be seen for a moment more.
    await until('all compilers have ended', () => pids.every((pid) => !existsSync(`/proc/${pid}/exe`)));
    const left = (await readdir(projectRoot)).filter((name) => name.startsWith('.kernels.tmp-'));
    expect(left).toEqual([]);
  });

  it('refuses options of --native that stand alone, and wrong ones, with status 2', async () => {
    const alone = await ebb(['setup', '--from', 'wheel']);
    expect(alone).toMatchObject({ status: 2, stdout: '' });
    expect(alone.stderr).toContain('add --native');
    const wrong = await ebb(['setup', '--native', '--minutes', '0']);
    expect(wrong).toMatchObject({ status: 2, stdout: '' });
    expect(wrong.stderr).toContain('--minutes as it must be above 0');
  });
});
