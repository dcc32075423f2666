import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { temporaryFolder } from '../temporary-folder.ts';
import { toyData } from './toy-data.ts';

/** The toy images as a folder of the MNIST family, labelled as ten classes: fit to be trained on, not to be learnt. */
export async function toySpec(trainCount = 128): Promise<string> {
  const dir = join(await temporaryFolder(), 'toy');
  await mkdir(dir);
  const data = toyData(trainCount, 30);
  for (const [prefix, split] of [
    ['train', data.train],
    ['t10k', data.test],
  ] as const) {
    const header = (...numbers: number[]) => Buffer.from(Uint32Array.from(numbers).buffer).swap32();
    const images = Buffer.concat([header(0x803, split.count, 8, 8), Uint8Array.from(split.inputs)]);
    await writeFile(join(dir, `${prefix}-images-idx3-ubyte.gz`), gzipSync(images));
    const labels = Buffer.concat([
      header(0x801, split.count),
      Uint8Array.from(split.labels, (_, n) => n % 10),
    ]);
    await writeFile(join(dir, `${prefix}-labels-idx1-ubyte.gz`), gzipSync(labels));
  }
  return `idx:${dir}`;
}
