import { createHash } from 'node:crypto';
import type { DataSet } from '../../../trainer/data/data-set.ts';

/** What a data set is, wherever it lies. */
export type DataIdentity = {
  name: string;
  /** First 16 digits of the SHA-256 of all samples and labels. */
  sha256: string;
};

export function identify({ name, train, test }: DataSet): DataIdentity {
  const hash = createHash('sha256');
  for (const { inputs, labels } of [train, test])
    for (const { buffer, byteOffset, byteLength } of [inputs, labels])
      hash.update(new Uint8Array(buffer, byteOffset, byteLength));
  return { name, sha256: hash.digest('hex').slice(0, 16) };
}
