import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { decodeModel } from '../../bundle/onnx/decode-model.ts';
import { readBundle } from '../../bundle/read-bundle.ts';
import { buildManifest } from '../../bundle/write-bundle.ts';
import { openEngine } from '../../engine/open-engine.ts';
import { openBackend } from '../../trainer/backend/open-backend.ts';
import { plainBatch } from '../../trainer/batches.ts';
import { command } from '../../trainer/bundle-command.ts';
import { createSubNet } from '../../trainer/compute/sub-net.ts';
import { holdOut } from '../../trainer/data/hold-out.ts';
import { openData } from '../../trainer/data/open-data.ts';
import { type AddedLevel, addLevel } from '../../trainer/export/add-level.ts';
import { countCorrect } from '../../trainer/export/evaluate.ts';
import { encodeLevels, exportBundle } from '../../trainer/export/export-bundle.ts';
import { levelBetween } from '../../trainer/export/level-between.ts';
import { normChoices } from '../../trainer/export/norm-choices.ts';
import { readTrainedNet } from '../../trainer/export/read-trained-net.ts';
import { levelVectors } from '../../trainer/net/level-vectors.ts';
import type { TrainedLevel, TrainedNet } from '../../trainer/net/trained-net.ts';
import { ebb } from '../cli/ebb.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { writeFamily } from './idx-fixture.ts';
import { toyData } from './toy-data.ts';
import { toySpec } from './toy-spec.ts';
import { bundleOf, trainingOf, untrainedNet } from './trained-fixture.ts';

const sparsitiesOf = (net: TrainedNet) => encodeLevels(net).map(({ sparsity }) => sparsity);
const keptOf = (masks: Map<string, Uint8Array>) =>
  [...masks.values()].reduce((sum, mask) => mask.reduce((own, keep) => own + keep, sum), 0);

function attempt(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    return error;
  }
}

/** The net with the level in it. */
function grown(net: TrainedNet, sparsity: number) {
  const between = levelBetween(net, sparsitiesOf(net), sparsity);
  const { interpolated } = normChoices(net, between);
  const level = { ...between.mask, norms: interpolated };
  return { between, net: { ...net, levels: net.levels.toSpliced(between.index, 0, level) } };
}

const seeds = fc.integer({ min: 1, max: 10_000 });
const shares = fc.integer({ min: 2, max: 798 }).filter((share) => Math.abs(share - 500) > 3);

describe('levelBetween()', () => {
  it('keeps exactly as many weights as the sparsity says, those of the largest magnitude, and stays nested', () => {
    fc.assert(
      fc.property(seeds, shares, (seed, share) => {
        const net = untrainedNet({ seed });
        const sparsity = share / 1000;
        const { between, net: larger } = grown(net, sparsity);
        expect(between.index).toBe(sparsity < 0.5 ? 1 : 2);
        const total = keptOf(net.levels[0]!.masks);
        expect(keptOf(between.mask.masks)).toBe(Math.round((1 - sparsity) * total));
        // encodeLevels refuses what is not nested.
        expect(encodeLevels(larger)[between.index]!.sparsity).toBeCloseTo(sparsity, 3);
        const [denser, sparser] = [net.levels[between.index - 1]!, net.levels[between.index]!];
        let least = Number.POSITIVE_INFINITY;
        let most = 0;
        for (const [node, mask] of between.mask.masks)
          mask.forEach((keep, i) => {
            const magnitude = Math.abs(net.weights.get(node)![i]!);
            if (keep === 1 && sparser.masks.get(node)![i] === 0) least = Math.min(least, magnitude);
            if (keep === 0 && denser.masks.get(node)![i] === 1) most = Math.max(most, magnitude);
          });
        expect(most).toBeLessThanOrEqual(least);
      }),
      { numRuns: 6 },
    );
  });

  it('keeps whole blocks, as many as fit', () => {
    fc.assert(
      fc.property(seeds, shares, (seed, share) => {
        const net = untrainedNet({ seed, granularity: 'block' });
        const { between, net: larger } = grown(net, share / 1000);
        encodeLevels(larger);
        for (const mask of between.mask.masks.values())
          for (let i = 0; i < mask.length; i += 4) expect(new Set(mask.subarray(i, i + 4)).size).toBe(1);
        const spare = (1 - share / 1000) * keptOf(net.levels[0]!.masks) - keptOf(between.mask.masks);
        expect(spare).toBeGreaterThanOrEqual(-0.5);
        expect(spare).toBeLessThan(4.5);
      }),
      { numRuns: 6 },
    );
  });

  it('keeps whole channels: all of the sparser level, some of the denser one', () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const net = untrainedNet({ seed, granularity: 'channel', levels: '0,0.85' });
        const { between, net: larger } = grown(net, 0.5);
        const levels = encodeLevels(larger);
        expect(Math.abs(levels[1]!.sparsity - 0.5)).toBeLessThan(0.12);
        expect(levels[1]!.sparsity).toBeGreaterThan(levels[0]!.sparsity);
        expect(levels[1]!.sparsity).toBeLessThan(levels[2]!.sparsity);
        for (const [stream, mask] of between.mask.channels) {
          const sparser = net.levels[1]!.channels.get(stream)!;
          expect(mask.every((keep, channel) => keep >= sparser[channel]!)).toBe(true);
        }
      }),
      { numRuns: 6 },
    );
  });

  it('refuses a sparsity outside, one that is there already, one level alone, and N:M masks', () => {
    const at = (net: TrainedNet, sparsity: number) => () => levelBetween(net, sparsitiesOf(net), sparsity);
    const net = untrainedNet({ levels: '0.3,0.5,0.8' });
    expect(at(net, 0.2)).toThrow(
      'it must lie between the densest and the sparsest level, 0.3 and 0.8: choose',
    );
    expect(at(net, 0.9)).toThrow('0.3 and 0.8');
    expect(at(net, 0.5005)).toThrow('more than 0.001 away from every other: level 1 has 0.5; choose another');
    expect(at(untrainedNet({ levels: '0.5' }), 0.6)).toThrow('two levels or more: current value is 1');
    expect(at(untrainedNet({ granularity: 'nm' }), 0.6)).toThrow('current value is nm, whose levels');
  });

  it('names a sparsity that goes where no block of channels comes near', () => {
    const net = untrainedNet({ granularity: 'channel', levels: '0,0.85' });
    const near = () => levelBetween(net, sparsitiesOf(net), 0.002);
    expect(near).toThrow('the nearest sparsity between them is 0.');
    const [, named] = /between them is (0\.\d+)/.exec(String(attempt(near)))!;
    expect(encodeLevels(grown(net, Number(named)).net)[1]!.sparsity).toBeCloseTo(Number(named), 4);
    const whole = untrainedNet({ granularity: 'channel', levels: '0' });
    const [dense] = whole.levels as [TrainedLevel];
    const channels = new Map(dense.channels).set('block3', new Uint8Array(64).fill(1, 16));
    const coarse = { ...whole, levels: [dense, { ...dense, channels }] };
    expect(() => levelBetween(coarse, sparsitiesOf(coarse), 0.05)).toThrow('there is nothing between them');
  });
});

describe('normChoices()', () => {
  it("takes scales and biases of either neighbour, or on the line between; the denser one's for channels of its own", () => {
    for (const granularity of ['element', 'channel'] as const) {
      const net = untrainedNet({ granularity, levels: '0,0.8' });
      const between = levelBetween(net, sparsitiesOf(net), 0.5);
      const { interpolated, denser, sparser } = normChoices(net, between);
      const [own, other] = net.levels.map(({ norms }) => norms.get('block2.norm1')!.scale) as [
        Float32Array,
        Float32Array,
      ];
      const kept = between.mask.channels.get('block2');
      const present = net.levels[1]!.channels.get('block2');
      for (let c = 0; c < own.length; c += 1) {
        const scales = [denser, sparser, interpolated].map((norms) => norms.get('block2.norm1')!.scale[c]!);
        if (kept?.[c] === 0) expect(scales).toEqual([0, 0, 0]);
        else if (present?.[c] === 0) expect(scales).toEqual([own[c], own[c], own[c]]);
        else {
          expect(scales.slice(0, 2)).toEqual([own[c], other[c]]);
          expect(scales[2]).toBeCloseTo(own[c]! + between.position * (other[c]! - own[c]!), 5);
        }
      }
    }
  });
});

describe('addLevel()', () => {
  const options = { sparsity: 0.65, seed: 3, backend: 'wasm' as const, workers: 2 };

  const data = toyData(256);
  const bundle = bundleOf(untrainedNet());
  let result: AddedLevel;
  beforeAll(async () => {
    result = await addLevel(bundle, data, options);
  });

  it('changes no other level, and counts the new one by its own bytes', async () => {
    const { bundle: added, level, trials, chosen } = result;
    expect(level).toBe(2);
    expect(added.levels.map(({ derived }) => derived)).toEqual([undefined, undefined, true, undefined]);
    const manifest = buildManifest(added);
    for (const [old, now] of [0, 1, 3].entries()) {
      const { file: _, ...known } = bundle.manifest.levels[old]!;
      expect(manifest.levels[now]).toMatchObject(known);
      expect(added.levels[now]!.onnx).toBe(bundle.models[old]);
    }
    const models = added.levels.map(({ onnx }) => onnx);
    const engine = await openEngine({ dir: 'memory', manifest, models });
    const { correct, count } = await countCorrect(engine, 2, data.test, manifest);
    await engine.close();
    expect(manifest.levels[2]!.accuracy).toEqual({
      metric: 'top1',
      value: correct / count,
      correct,
      count: 90,
      data: 'toy',
      split: 'test',
    });
    const { count: heldOut } = holdOut(data, { share: 0.05, seed: 3 }).validation;
    expect(trials.map((trial) => trial.count)).toEqual([heldOut, heldOut, heldOut]);
    const most = Math.max(...trials.map((trial) => trial.correct));
    expect(trials.find(({ source }) => source === chosen)!.correct).toBe(most);
  });

  it("keeps the bits of the denser level's weights", () => {
    const { bundle: added } = result;
    const [denser, own] = [1, 2].map((level) => decodeModel(added.levels[level]!.onnx).initializers);
    for (const [i, { name, data }] of own!.entries()) {
      if (!name.endsWith('.weight')) continue;
      const wanted = denser![i]!.data;
      expect(data.every((weight, n) => weight === 0 || Object.is(weight, wanted[n]))).toBe(true);
    }
  });

  it("takes the norms' statistics from training samples that are not held out", async () => {
    const { bundle: added } = result;
    const manifest = buildManifest(added);
    const net = readTrainedNet({ dir: 'memory', manifest, models: added.levels.map(({ onnx }) => onnx) });
    await openBackend('wasm');
    const held = { ...holdOut(data, { share: 0.05, seed: 3 }), ...manifest.input.preprocessing };
    const batch = plainBatch(
      held,
      held.train,
      Int32Array.from({ length: held.train.count }, (_, i) => i),
    );
    const { weights, affine } = levelVectors(net, net.levels[2]!);
    const subNet = createSubNet(net.graph, net.normEpsilon);
    const statistics = subNet.statistics({ weights, affine, ...batch });
    // Deeper norms see one shard at a time while they are recalibrated.
    const { offset, channels } = subNet.layout.norms.find(({ node }) => node === 'stem.norm')!;
    const { mean, variance } = net.levels[2]!.norms.get('stem.norm')!;
    for (let c = 0; c < channels; c += 1) {
      expect(mean[c]).toBeCloseTo(statistics[offset + c]!, 4);
      expect(variance[c]).toBeCloseTo(statistics[subNet.layout.channelCount + offset + c]!, 4);
    }
    for (const [node, norm] of net.levels[2]!.norms)
      for (const neighbour of [1, 3])
        expect(norm.mean).not.toEqual(net.levels[neighbour]!.norms.get(node)!.mean);
  });

  it('gives the same bytes for the same seed on any number of workers', async () => {
    const bundle = bundleOf(untrainedNet({ granularity: 'block' }));
    const models: Uint8Array[] = [];
    for (const workers of [1, 3]) {
      const { bundle: added } = await addLevel(bundle, toyData(128), { ...options, workers });
      models.push(added.levels[2]!.onnx);
    }
    expect(Buffer.compare(models[0]!, models[1]!)).toBe(0);
  });

  it('counts the denser levels again where the new one changes the order of their channels', async () => {
    const data = toyData(128);
    const bundle = bundleOf(untrainedNet({ granularity: 'channel', levels: '0,0.85' }));
    const { bundle: added, level } = await addLevel(bundle, data, { ...options, sparsity: 0.5 });
    expect(level).toBe(1);
    expect(Buffer.compare(added.levels[0]!.onnx, bundle.models[0]!)).not.toBe(0);
    expect(Buffer.compare(added.levels[2]!.onnx, bundle.models[1]!)).toBe(0);
    expect(added.levels[2]!.accuracy).toEqual(bundle.manifest.levels[1]!.accuracy);
    const manifest = buildManifest(added);
    const models = added.levels.map(({ onnx }) => onnx);
    // Nested: it is read back, and a further level can be added.
    expect(readTrainedNet({ dir: 'memory', manifest, models }).levels).toHaveLength(3);
    const engine = await openEngine({ dir: 'memory', manifest, models });
    const before = await openEngine(bundle);
    const [now, then] = [
      await countCorrect(engine, 0, data.test, manifest),
      await countCorrect(before, 0, data.test, bundle.manifest),
    ];
    await Promise.all([engine.close(), before.close()]);
    expect(manifest.levels[0]!.accuracy).toMatchObject(now);
    // The order of sums may turn a close call.
    expect(Math.abs(now.correct - then.correct)).toBeLessThanOrEqual(1);
  });

  it('ends with the reason of the signal', async () => {
    const signal = AbortSignal.abort(new Error('stopped'));
    await expect(addLevel(bundle, data, { ...options, signal })).rejects.toThrow('stopped');
  });
});

describe('ebb bundle between', () => {
  async function setUp() {
    const spec = await toySpec();
    const data = await openData(spec);
    const net = untrainedNet({ classes: data.labels.length });
    const parent = await temporaryFolder();
    const dir = join(parent, 'bundle');
    await exportBundle(net, data, { dir, name: 'toy', training: trainingOf(net) });
    return { spec, parent, dir };
  }

  it('replaces the bundle, or writes another beside it, and eval agrees', { timeout: 60_000 }, async () => {
    const { spec, parent, dir } = await setUp();
    const before = await readFile(join(dir, 'manifest.json'), 'utf8');
    const args = ['bundle', 'between', dir, '--data', spec, '--backend', 'wasm'];
    const other = join(parent, 'other');
    const { status, stdout } = await ebb([...args, '--sparsity', '0.65', '--out', other, '--json']);
    expect(status).toBe(0);
    const summary = JSON.parse(stdout);
    expect(summary).toMatchObject({ bundle: other, level: 2 });
    expect(summary.levels).toEqual((await readBundle(other)).manifest.levels);
    expect(await readFile(join(dir, 'manifest.json'), 'utf8')).toBe(before);

    const replaced = await ebb([...args, '--sparsity', '0.65']);
    expect(replaced.status).toBe(0);
    expect(replaced.stdout).toMatch(/^ {4}2 +65\.00% .* rank, new$/m);
    expect((await readBundle(dir)).manifest.levels).toEqual(summary.levels);
    expect((await readdir(parent)).sort()).toEqual(['bundle', 'other']);
    const evaluated = JSON.parse((await ebb(['eval', dir, '--data', spec, '--json'])).stdout);
    expect(evaluated.levels.map(({ agrees }: { agrees: boolean }) => agrees)).toEqual([
      true,
      true,
      true,
      true,
    ]);
  });

  it('ends with status 2 after wrong use and 1 where the bundle will not do, and changes nothing', async () => {
    const { spec, parent, dir } = await setUp();
    const before = await readFile(join(dir, 'manifest.json'), 'utf8');
    const base = ['bundle', 'between', dir, '--data', spec];
    for (const [wanted, args, message] of [
      [2, [...base, '--sparsity', '0.6', '--epochs', '1'], '--epochs'],
      [2, [...base, '--sparsity', '0.9'], 'between the densest and the sparsest level, 0 and 0.8'],
      [2, [...base, '--sparsity', '0.6', '--out', parent], 'must be an absent or empty folder'],
    ] as const) {
      const { status, stdout, stderr } = await ebb([...args]);
      expect(stderr).toContain(message);
      expect(status).toBe(wanted);
      expect(stdout).toBe('');
    }
    expect(await readFile(join(dir, 'manifest.json'), 'utf8')).toBe(before);
    expect(await readdir(parent)).toEqual(['bundle']);
  });

  it('refuses flags that are missing or out of their range, and data that do not fit', async () => {
    const { spec, dir } = await setUp();
    const parse = (...args: string[]) => {
      const verb = command();
      for (const own of [verb, ...verb.commands]) own.exitOverride().configureOutput({ writeErr: () => {} });
      return verb.parseAsync(args, { from: 'user' });
    };
    await expect(parse('betwixt')).rejects.toThrow("unknown command 'betwixt'");
    await expect(parse('between', dir, '--sparsity', '0.6')).rejects.toThrow('--data');
    await expect(parse('between', dir, '--data', spec)).rejects.toThrow('--sparsity');
    const at = (sparsity: string) => parse('between', dir, '--data', spec, '--sparsity', sparsity);
    for (const sparsity of ['0', '1', 'x', ''])
      await expect(at(sparsity)).rejects.toThrow('a number between 0 and 1');
    const other = await writeFamily();
    await expect(parse('between', dir, '--data', other, '--sparsity', '0.6')).rejects.toThrow(
      /^Cannot add a level to bundle ".*" as images must be 1 x 8 x 8/,
    );
  });
});
