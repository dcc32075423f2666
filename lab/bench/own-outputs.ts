import { inputSize } from '../../bundle/manifest.ts';
import type { Engine } from '../../engine/engine.ts';

/** Inputs, and what each level makes of them: what an answer that names its level is compared with. */
export type OwnOutputs = {
  inputs: Float32Array[];
  /** By level, then by input. */
  outputs: Float32Array[][];
};

const inputs = 16;

/** Asks every level of `engine` for its answers to some drawn inputs, batch 1. */
export async function computeOwnOutputs(engine: Pick<Engine, 'manifest' | 'run'>): Promise<OwnOutputs> {
  const size = inputSize(engine.manifest);
  const drawn = Array.from({ length: inputs }, (_, seed) =>
    Float32Array.from({ length: size }, (_, index) => Math.sin(index * (seed + 1))),
  );
  const outputs: Float32Array[][] = [];
  for (const level of engine.manifest.levels.keys()) {
    const own: Float32Array[] = [];
    for (const input of drawn) own.push((await engine.run(input, 1, { level })).output);
    outputs.push(own);
  }
  return { inputs: drawn, outputs };
}

export function isBitEqual(a: Float32Array, b: Float32Array): boolean {
  return Buffer.from(a.buffer, a.byteOffset, a.byteLength).equals(
    Buffer.from(b.buffer, b.byteOffset, b.byteLength),
  );
}
