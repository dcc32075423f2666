import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { temporaryFolder } from '../temporary-folder.ts';

/** An IDX file of unsigned bytes. */
export function idx(dims: number[], data: Uint8Array): Uint8Array {
  const header = new DataView(new ArrayBuffer(4 + 4 * dims.length));
  header.setUint32(0, 0x0800 | dims.length);
  for (const [i, size] of dims.entries()) header.setUint32(4 + 4 * i, size);
  return Buffer.concat([new Uint8Array(header.buffer), data]);
}

/** 0, 1, 2, ... */
export const counting = (count: number) => Uint8Array.from({ length: count }, (_, i) => i);

/** A small folder of the MNIST family, ten training and four test images of 3 x 2, with `changes` to its files; its spec for `--data`. */
export async function writeFamily(changes: Record<string, Uint8Array | undefined> = {}, name = 'digits') {
  const dir = join(await temporaryFolder(), name);
  await mkdir(dir);
  const files: Record<string, Uint8Array | undefined> = {
    'train-images-idx3-ubyte': idx([10, 3, 2], counting(60)),
    'train-labels-idx1-ubyte': idx([10], Uint8Array.from([3, 1, 4, 0, 5, 9, 2, 6, 8, 7])),
    't10k-images-idx3-ubyte.gz': gzipSync(idx([4, 3, 2], counting(24))),
    't10k-labels-idx1-ubyte.gz': gzipSync(idx([4], Uint8Array.from([2, 6, 5, 3]))),
    ...changes,
  };
  for (const [file, bytes] of Object.entries(files)) if (bytes) await writeFile(join(dir, file), bytes);
  return `idx:${dir}`;
}
