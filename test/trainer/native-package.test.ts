import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { examineBackends } from '../../trainer/backend/examine-backends.ts';
import {
  loadNativePackage,
  nativePackagePath,
  quietTensorflow,
  restoreUtil,
} from '../../trainer/backend/native-package.ts';
import { temporaryFolder } from '../temporary-folder.ts';

/** A root whose `.native/` holds a stand-in for tfjs-node. */
async function rootWith(stamp: string | undefined, code = ''): Promise<{ root: string; path: string }> {
  const root = await temporaryFolder();
  const path = join(root, '.native', 'node_modules', '@tensorflow', 'tfjs-node');
  await mkdir(path, { recursive: true });
  await writeFile(join(path, 'index.js'), code);
  if (stamp !== undefined) await writeFile(join(root, '.native', 'ready.json'), stamp);
  return { root, path };
}

const { platform, arch } = process;

describe('nativePackagePath()', () => {
  it('is the package in .native/ where its stamp is there', async () => {
    const { root, path } = await rootWith(JSON.stringify({ platform, arch }));
    expect(nativePackagePath(root, () => '/elsewhere')).toBe(path);
  });

  it.each([
    ['there is none', undefined],
    ['it is cut off', '{"platform"'],
    ['it is of another machine', JSON.stringify({ platform, arch: 'another' })],
  ])('is what Node resolves where %s', async (_, stamp) => {
    const { root } = await rootWith(stamp);
    expect(nativePackagePath(root, () => '/elsewhere')).toBe('/elsewhere');
    expect(nativePackagePath(root, () => undefined)).toBeUndefined();
  });
});

describe('loadNativePackage()', () => {
  it('gives util what newer Node has removed', () => {
    const util: Parameters<typeof restoreUtil>[0] = {};
    restoreUtil(util);
    expect([null, undefined, 0, ''].map((value) => util.isNullOrUndefined?.(value))).toEqual([
      true,
      true,
      false,
      false,
    ]);
    expect(util.isArray?.([])).toBe(true);
  });

  it('takes the place of what Node has and warns of', () => {
    const deprecated = (_value: unknown): boolean => {
      throw new Error('DEP0051');
    };
    const util = { isNullOrUndefined: deprecated, isArray: deprecated };
    restoreUtil(util);
    expect([util.isNullOrUndefined(null), util.isArray([])]).toEqual([true, true]);
  });

  it('throws what the package throws, and loads one that finds its util', async () => {
    const needsUtil = "if (!require('util').isNullOrUndefined(null)) throw new Error('no util');";
    const good = await rootWith(undefined, needsUtil);
    await loadNativePackage(good.path);
    const bad = await rootWith(undefined, "throw new Error('wrong ELF class');");
    await expect(loadNativePackage(bad.path)).rejects.toThrow('wrong ELF class');
  });
});

describe('quietTensorflow()', () => {
  it("leaves the user's own level of log lines", () => {
    const environment: NodeJS.ProcessEnv = {};
    quietTensorflow(environment);
    expect(environment).toEqual({ TF_CPP_MIN_LOG_LEVEL: '2' });
    const own = { TF_CPP_MIN_LOG_LEVEL: '0' };
    quietTensorflow(own);
    expect(own).toEqual({ TF_CPP_MIN_LOG_LEVEL: '0' });
  });
});

describe('examineBackends()', () => {
  it('names the cure where tfjs-node is absent or does not load', async () => {
    const { path } = await rootWith(undefined, "throw new Error('wrong ELF class');");
    expect((await examineBackends(() => path))[0]).toMatchObject({
      ok: false,
      text: expect.stringContaining('wrong ELF class'),
      cure: expect.stringContaining('setup --native --remove'),
    });
    expect(await examineBackends(() => undefined)).toMatchObject([
      { ok: false, text: expect.stringContaining('not installed'), cure: 'run "npx ebb setup --native"' },
      { name: '@tensorflow/tfjs-backend-wasm', ok: true },
    ]);
  });
});
