import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { encodeModel } from '../../../bundle/onnx/encode-model.ts';
import { writeBundle } from '../../../bundle/write-bundle.ts';
import type { EngineMemory } from '../../../engine/engine.ts';
import { smallestModel } from '../../../engine/ort/load-library.ts';
import { residentBytes } from '../../../engine/ort/resident-growth.ts';
import { temporaryFolder } from '../../temporary-folder.ts';
import { tinyBundle } from '../../tiny-bundle.ts';

it('the model that loads the library is one ReLU', () => {
  const value = (name: string) => [{ name, shape: [1] }];
  const relu = { name: '', opType: 'Relu', inputs: ['x'], outputs: ['y'], attributes: {} };
  const model = { opset: 17, name: 'tiny', inputs: value('x'), outputs: value('y'), initializers: [] };
  expect(smallestModel).toEqual(Buffer.from(encodeModel({ ...model, nodes: [relu] })));
});

it.skipIf(Number.isNaN(residentBytes()))(
  'memory() tells by how much the process grew for each session and its first runs',
  async () => {
    const dir = `${await temporaryFolder()}/bundle`;
    // The first level's convolution puts out 2^16 planes of 64 floats.
    await writeBundle(dir, tinyBundle([2 ** 16, 4]));
    const from = (file: string) => JSON.stringify(new URL(`../../../${file}`, import.meta.url).href);
    // A process of its own: in this one other tests have freed memory that would be used again.
    const script = `(async () => {
    const { openEngine } = await import(${from('engine/open-engine.js')});
    const { readBundle } = await import(${from('bundle/read-bundle.js')});
    const engine = await openEngine(await readBundle(${JSON.stringify(dir)}), { engine: 'ort' });
    const told = [await engine.memory()];
    for (const level of [0, 1]) await engine.run(new Float32Array(64), 1, { level });
    told.push(await engine.memory());
    await engine.close();
    console.log(JSON.stringify(told));
  })()`;
    const printed = execFileSync(process.execPath, ['-e', script], { encoding: 'utf8' });
    const [opened, ran] = (JSON.parse(printed) as EngineMemory[][]).map(([memory]) => memory!);
    for (const memory of [opened!, ran!]) {
      expect(memory).toMatchObject({ engine: 'ort', isExact: false });
      expect(memory.levelBytes).toHaveLength(2);
      expect(memory.bytes).toBe(memory.levelBytes![0]! + memory.levelBytes![1]!);
    }
    const [dense, sparse] = ran!.levelBytes!;
    expect(dense! - opened!.levelBytes![0]!).toBeGreaterThan(0.9 * 2 ** 16 * 64 * 4);
    expect(sparse!).toBeLessThan(dense! / 4);
  },
);
