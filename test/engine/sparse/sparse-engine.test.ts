import { writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { describe, expect, it, onTestFinished } from 'vitest';
import { encodeModel } from '../../../bundle/onnx/encode-model.ts';
import type { OnnxModel } from '../../../bundle/onnx/model.ts';
import { readBundle } from '../../../bundle/read-bundle.ts';
import { writeBundle } from '../../../bundle/write-bundle.ts';
import type { OpenOptions } from '../../../engine/engine.ts';
import { openEngine } from '../../../engine/open-engine.ts';
import { residentBytes } from '../../../engine/ort/resident-growth.ts';
import { planLevels } from '../../../engine/sparse/plan/plan-levels.ts';
import { programVersion, stepFields } from '../../../engine/sparse/plan/step-words.ts';
import { findRuntime } from '../../../engine/sparse/runtime/find-runtime.ts';
import { temporaryFolder } from '../../temporary-folder.ts';
import { drawNumbers, tinyBundle, tinyModel } from '../../tiny-bundle.ts';

/** Levels of the tiny net whose convolution keeps every weight, every second, every fourth. */
function nestedModels(): OnnxModel[] {
  return [1, 2, 4].map((step) => {
    const model = tinyModel(16, 1);
    const [weights] = model.initializers;
    weights!.data = (weights!.data as Float32Array).map((value, i) => (i % step === 0 ? value : 0));
    return model;
  });
}

async function openTiny(options: OpenOptions, models = nestedModels()) {
  const dir = `${await temporaryFolder()}/bundle`;
  const bundle = tinyBundle(models.map(() => 16));
  const levels = bundle.levels.map((level, i) => ({
    ...level,
    onnx: encodeModel(models[i]!),
    sparsity: i / 4,
  }));
  await writeBundle(dir, { ...bundle, levels });
  const engine = await openEngine(await readBundle(dir), options);
  onTestFinished(() => engine.close());
  return engine;
}

describe('engine sparse', () => {
  it('swaps to what an engine that was opened at that level computes, bit by bit', async () => {
    const engine = await openTiny({ engine: 'sparse' });
    const input = drawNumbers(64, 7);
    for (const level of [2, 0, 1, 2, 1, 0]) {
      engine.setLevel(level);
      const swapped = await engine.run(input, 1);
      expect(swapped).toMatchObject({ level, engine: 'sparse' });
      const fresh = await openTiny({ engine: 'sparse', level });
      expect(swapped.output).toEqual((await fresh.run(input, 1)).output);
    }
  });

  it('runs levels whose nets share nothing', async () => {
    const models = [16, 8, 4].map((width, index) => tinyModel(width, index + 1));
    const sparse = await openTiny({ engine: 'sparse' }, models);
    const ort = await openTiny({ engine: 'ort' }, models);
    const input = drawNumbers(3 * 64, 7);
    for (const level of [0, 1, 2]) {
      const { output } = await sparse.run(input, 3, { level });
      const expected = await ort.run(input, 3, { level });
      output.forEach((value, i) => {
        expect(value).toBeCloseTo(expected.output[i]!, 4);
      });
    }
  });

  it('changes the number of threads between two runs', async () => {
    const engine = await openTiny({ engine: 'sparse', threads: 2 });
    const input = drawNumbers(64, 7);
    const { output } = await engine.run(input, 1);
    for (const threads of [1, 3, 2]) {
      engine.setThreads(threads);
      expect(engine.threads).toBe(threads);
      expect((await engine.run(input, 1)).output).toEqual(output);
    }
    expect(() => engine.setThreads(0)).toThrow('a whole number from 1 to 256');
  });

  it('opens beside onnxruntime, and each level runs on the engine that it is given', async () => {
    const engine = await openTiny({});
    expect(engine.engines.map(({ name }) => name)).toEqual(['ort', 'sparse']);
    engine.setEngine(1, 'sparse');
    const engines = [];
    for (const level of [0, 1]) engines.push((await engine.run(new Float32Array(64), 1, { level })).engine);
    expect(engines).toEqual(['ort', 'sparse']);
    expect(engine.engineOf(1)).toBe('sparse');
  });

  it('leaves a bundle that it cannot run to onnxruntime, and names node, operator and cure', async () => {
    const models = nestedModels().map((model) => ({
      ...model,
      nodes: model.nodes.map((node) => (node.name === 'relu' ? { ...node, opType: 'Softplus' } : node)),
    }));
    const engine = await openTiny({}, models);
    expect(engine.engines.map(({ name }) => name)).toEqual(['ort']);
    const reason =
      /Cannot run node "relu" \(Softplus\) in the sparse engine as its operator must be one of .*; use the engine "ort"/;
    expect(engine.skipped).toMatchObject([{ engine: 'sparse', reason: expect.stringMatching(reason) }]);
    await expect(openTiny({ engine: 'sparse' }, models)).rejects.toThrow(reason);
  });

  it('measures how weights are best stored, and computes the same however they are', async () => {
    const engine = await openTiny({ engine: 'sparse' });
    const input = drawNumbers(64, 7);
    const outputs = async () =>
      [0, 1, 2].map(async (level) => (await engine.run(input, 1, { level })).output);
    const expected = await Promise.all(await outputs());
    const tuned = await engine.tune();
    expect(tuned).toHaveLength(2);
    for (const forms of [tuned, [0, 0], [1, 3], [2, 1], [3, 2], [7, -1, 4]]) {
      expect(await engine.tune(forms)).toEqual(forms);
      const again = await Promise.all(await outputs());
      again.forEach((output, level) => {
        output.forEach((value, i) => {
          expect(value).toBeCloseTo(expected[level]![i]!, 4);
        });
      });
    }
    expect(await (await openTiny({ engine: 'ort' })).tune()).toEqual([]);
  });

  it('counts the memory that it takes, which changes with the forms of the weights', async () => {
    const models = nestedModels();
    const engine = await openTiny({ engine: 'sparse' }, models);
    for (const forms of [
      [0, 0],
      [3, 2],
    ]) {
      await engine.tune(forms);
      const { open } = findRuntime();
      const runtime = open(planLevels(models, forms));
      expect(await engine.memory()).toEqual([
        { engine: 'sparse', bytes: runtime.memoryBytes, isExact: true },
      ]);
      runtime.close();
    }
    const sizes = [
      [0, 0],
      [3, 2],
    ].map((forms) => planLevels(models, forms).image.byteLength);
    expect(sizes[0]).not.toBe(sizes[1]);
  });

  it('tells the memory of each engine that is open', async () => {
    const engine = await openTiny({});
    const told = (await engine.memory()).map(({ engine: name, isExact, levelBytes }) => [
      name,
      isExact,
      levelBytes?.length,
    ]);
    // Of onnxruntime nothing is known where the system does not tell a process's memory.
    const measured = Number.isNaN(residentBytes()) ? [] : [['ort', false, 3]];
    expect(told).toEqual([...measured, ['sparse', true, undefined]]);
    await engine.close();
    await expect(engine.memory()).rejects.toThrow('The engine was closed');
  });

  it('refuses an engine that is not open', async () => {
    const engine = await openTiny({ engine: 'sparse' });
    expect(() => engine.setEngine(0, 'ort')).toThrow('must be one of sparse');
    await expect(engine.run(new Float32Array(64), 1, { engine: 'ort' })).rejects.toThrow(
      'must be one of sparse',
    );
  });

  it('says how to get the native kernels where they are not built, and runs through WebAssembly', () => {
    const { open, slower } = findRuntime('/nowhere/ebb-kernels.node');
    const runtime = open(planLevels(nestedModels()));
    expect(runtime.name).toMatch(/^wasm/);
    expect(slower).toMatch(/not built: install a C compiler .* "npx ebb setup"/);
    expect(runtime.run(0, drawNumbers(64, 1), 1, 1)).toHaveLength(3);
  });

  it('leaves native kernels that were built from another version of ebb', async () => {
    const path = `${await temporaryFolder()}/ebb-kernels.cjs`;
    for (const program of [undefined, [programVersion - 1, stepFields.length], [programVersion, 1]]) {
      await writeFile(path, `module.exports = ${JSON.stringify({ instructions: ['old'], program })};`);
      expect(findRuntime(path).slower).toMatch(/from another version of ebb\).* "npx ebb setup"/);
      delete createRequire(import.meta.url).cache[path];
    }
  });
});

describe('planLevels()', () => {
  it('keeps nested levels in one copy of the weights', () => {
    const nested = nestedModels();
    const apart = [1, 2, 3].map((seed) => tinyModel(16, seed));
    const bytes = (models: OnnxModel[]) => planLevels(models).image.byteLength;
    expect(planLevels(nested).programs).toHaveLength(1);
    // 144 weights of 8 bytes; a further level costs its tables alone.
    expect(bytes(nested) - bytes(nested.slice(0, 1))).toBeLessThan(144 * 8);
    expect(bytes(apart) - bytes(apart.slice(0, 1))).toBeGreaterThan(2 * 144 * 8);
  });
});
