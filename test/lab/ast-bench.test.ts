import { appendFile, cp, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { type AstBenchOptions, runAstBench } from '../../lab/bench/ast/ast-bench.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { toySpec } from '../trainer/toy-spec.ts';

it('a comparison goes on with the runs it remembers, also after a kill and from data that were moved', async () => {
  const dir = await temporaryFolder();
  const store = join(dir, 'store');
  const options: AstBenchOptions = {
    data: await toySpec(96),
    net: 'mlp',
    width: 0.25,
    levels: ['0.5', '0.8'],
    epochs: 2,
    batch: 32,
    validation: 0.2,
    backend: 'wasm',
    rates: [0.1],
    seeds: 1,
    vary: false,
    store,
  };
  const compare = async (data: string, changes: Partial<AstBenchOptions> = {}) => {
    const trained: string[] = [];
    const result = await runAstBench(
      { ...options, data, ...changes },
      { onNote: (line) => trained.push(line) },
    );
    return { result, trained };
  };
  const first = await compare(options.data);
  // AST twice, one training for each level and joint training, both at two costs.
  expect(first.trained).toHaveLength(8);
  expect(first.result.methods.map(({ test }) => test.flat().length)).toEqual([2, 2, 2, 2, 2, 2]);

  const elsewhere = join(dir, 'elsewhere');
  await cp(options.data.slice('idx:'.length), elsewhere, { recursive: true });
  const moved = await compare(`idx:${elsewhere}`);
  expect(moved.trained).toEqual([]);
  expect(moved.result.methods).toEqual(first.result.methods);
  const { sha256 } = first.result.setup.data;
  expect(moved.result.setup.data).toEqual({ name: 'elsewhere', sha256 });

  const runs = join(store, 'runs.jsonl');
  const before = await readFile(runs, 'utf8');
  await appendFile(runs, '{"settings":{"cut');
  expect((await compare(options.data)).trained).toEqual([]);
  expect(await readFile(runs, 'utf8')).toBe(before);

  const finished = await compare(options.data, {
    rates: [0.1, 0.4],
    seeds: 3,
    vary: true,
    finishedOnly: true,
  });
  expect(finished.trained).toEqual([]);
  expect(finished.result.methods).toEqual(first.result.methods);
  expect(finished.result.variations.map(({ name }) => name)).toEqual(['as compared']);
  await expect(compare(options.data, { epochs: 7, finishedOnly: true })).rejects.toThrow(
    'must hold finished runs',
  );

  const other = await compare(await toySpec(128));
  expect(other.trained).toHaveLength(8);
}, 120_000);
