import { describe, expect, it } from 'vitest';
import { residentBytes, residentGrowth } from '../../../engine/ort/resident-growth.ts';

/** Reads one number after the other. */
function readings(...bytes: number[]) {
  return () => bytes.shift() ?? Number.NaN;
}

describe('residentGrowth()', () => {
  it('tells what was done and by how much memory grew meanwhile', async () => {
    const grown = await residentGrowth(async () => 'done', readings(1000, 5096));
    expect(grown).toEqual({ result: 'done', bytes: 4096 });
  });

  it('tells 0 where memory has shrunk, as by a garbage collection on another thread', async () => {
    expect((await residentGrowth(async () => 1, readings(5096, 1000))).bytes).toBe(0);
  });

  it('tells NaN where the system does not tell, and does what it was to do', async () => {
    expect(await residentGrowth(async () => 'done', readings())).toEqual({
      result: 'done',
      bytes: Number.NaN,
    });
  });

  it.skipIf(Number.isNaN(residentBytes()))('reads the memory of this process before and after', async () => {
    expect(residentBytes()).toBeGreaterThan(1e6);
    const { result, bytes } = await residentGrowth(async () => Buffer.alloc(64e6, 1));
    expect(result).toHaveLength(64e6);
    expect(bytes).toBeGreaterThan(32e6);
  });
});
