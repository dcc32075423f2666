import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { encodeModel } from '../../../bundle/onnx/encode-model.ts';
import { writeBundle } from '../../../bundle/write-bundle.ts';
import { residentBytes } from '../../../engine/ort/resident-growth.ts';
import { addonPath } from '../../../engine/sparse/runtime/native-runtime.ts';
import { collectGarbage } from '../../../engine/thread/collect-garbage.ts';
import { drawModels } from '../../../lab/bench/engines/draw-models.ts';
import { temporaryFolder } from '../../temporary-folder.ts';
import { tinyBundle } from '../../tiny-bundle.ts';

describe('collectGarbage()', () => {
  it('collects what nobody holds', async () => {
    const open = () => new WeakRef(new Float32Array(1000));
    const left = open();
    // A WeakRef holds what it was made of until the turn of the event loop is over.
    await setTimeout(0);
    await collectGarbage();
    expect(left.deref()).toBeUndefined();
  });
});

// Without the native kernels nothing tells the C library to give back what was freed.
const canTell = existsSync(addonPath) && !Number.isNaN(residentBytes());

it.skipIf(!canTell)(
  'an engine holds little more than its image once it is open, and once it is tuned',
  async () => {
    const dir = `${await temporaryFolder()}/bundle`;
    const { levels, ...tiny } = tinyBundle();
    const models = drawModels({ net: 'resnet8', input: [32, 32, 3], width: 4 }, [0, 0.8, 0.9]);
    await writeBundle(dir, {
      ...tiny,
      labels: [...'0123456789'],
      input: { ...tiny.input, shape: ['batch', 3, 32, 32] },
      output: { ...tiny.output, shape: ['batch', 10] },
      levels: levels.map((level, i) => ({ ...level, onnx: encodeModel(models[i]!) })),
    });
    const from = (file: string) => JSON.stringify(new URL(`../../../${file}`, import.meta.url).href);
    // A process of its own: in this one other tests have freed memory.
    const script = `(async () => {
    const { openEngine } = await import(${from('engine/open-engine.js')});
    const { readBundle } = await import(${from('bundle/read-bundle.js')});
    const bundle = await readBundle(${JSON.stringify(dir)});
    const beforeBytes = process.memoryUsage.rss();
    const engine = await openEngine(bundle, { engine: 'sparse' });
    const grown = () => process.memoryUsage.rss() - beforeBytes;
    const told = [grown()];
    await engine.tune();
    told.push(grown());
    const [{ bytes }] = await engine.memory();
    await engine.close();
    console.log(JSON.stringify({ told, bytes }));
  })()`;
    const { told, bytes } = JSON.parse(
      execFileSync(process.execPath, ['-e', script], { encoding: 'utf8' }),
    ) as {
      told: number[];
      bytes: number;
    };
    // Of these the thread itself takes some 25 MB; the models have 15 MB, which decoded and planned become several times as much.
    for (const grownBytes of told) expect(grownBytes - bytes).toBeLessThan(50e6);
  },
);
