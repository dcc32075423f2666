import { InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { decodeModel } from '../../../bundle/onnx/decode-model.ts';
import { encodeModel } from '../../../bundle/onnx/encode-model.ts';
import type { OnnxAttribute, OnnxModel, OnnxNode } from '../../../bundle/onnx/model.ts';
import { readGraph } from '../../../engine/sparse/graph/read-graph.ts';
import { planLevels } from '../../../engine/sparse/plan/plan-levels.ts';
import { drawNumbers, tinyModel } from '../../tiny-bundle.ts';
import { runtimes } from './runtimes.ts';

const node = (
  opType: string,
  inputs: string[],
  output: string,
  attributes: Record<string, OnnxAttribute> = {},
): OnnxNode => ({ name: output, opType, inputs, outputs: [output], attributes });
const ints = (...value: number[]): OnnxAttribute => ({ type: 'INTS', value });
const int = (value: number): OnnxAttribute => ({ type: 'INT', value });
const list = (name: string, ...values: number[]) => ({
  name,
  dims: [values.length],
  data: BigInt64Array.from(values, BigInt),
});

/** The tiny model, whose weights `name` come out of `made`; the initializer itself is called `name.raw` and has `dims`. */
function withMade(name: string, made: OnnxNode[], dims?: number[]): OnnxModel {
  const model = tinyModel(4, 1);
  const raw = model.initializers.find((tensor) => tensor.name === name)!;
  raw.name = `${name}.raw`;
  raw.dims = dims ?? raw.dims;
  model.nodes.unshift(...made);
  return model;
}

/** The tiny model with other nodes between its pool, `pool` of [batch, 4, 1, 1], and its dense layer. */
function withFlatten(made: OnnxNode[]): OnnxModel {
  const model = tinyModel(4, 1);
  const at = model.nodes.findIndex(({ opType }) => opType === 'Flatten');
  const flat = model.nodes[at]!.outputs[0]!;
  made.at(-1)!.outputs = [flat];
  model.nodes.splice(at, 1, ...made);
  return model;
}

async function runOrt(bytes: Uint8Array, input: Float32Array, batch: number): Promise<number[]> {
  const session = await InferenceSession.create(bytes, { logSeverityLevel: 3, intraOpNumThreads: 1 });
  const outputs = await session.run({ image: new Tensor('float32', input, [batch, 1, 8, 8]) });
  await session.release();
  return Array.from(outputs.logits!.data as Float32Array);
}

async function expectSame(model: OnnxModel): Promise<void> {
  const bytes = encodeModel(model);
  const batch = model.inputs[0]!.shape![0] === 1 ? 1 : 2;
  const input = drawNumbers(batch * 64, 9);
  const expected = await runOrt(bytes, input, batch);
  const runtime = runtimes[0]!.open(planLevels([decodeModel(bytes)]));
  const found = runtime.run(0, input, batch, 1);
  runtime.close();
  expect(found).toHaveLength(expected.length);
  for (const [index, value] of expected.entries()) expect(found[index]).toBeCloseTo(value, 4);
}

const conv = 'conv.weight';
const cases: Record<string, () => OnnxModel> = {
  'an Identity of an initializer': () => withMade(conv, [node('Identity', [`${conv}.raw`], conv)]),
  'a chain of Identity and Cast': () =>
    withMade(conv, [node('Identity', [`${conv}.raw`], 'a'), node('Cast', ['a'], conv, { to: int(1) })]),
  'a Reshape of an initializer by a Constant': () =>
    withMade(
      conv,
      [
        node('Constant', [], 'shape', { value_ints: ints(0, 1, 3, -1) }),
        node('Reshape', [`${conv}.raw`, 'shape'], conv),
      ],
      [4, 9],
    ),
  'a Transpose of an initializer (Keras keeps height, width, inputs, outputs)': () =>
    withMade(conv, [node('Transpose', [`${conv}.raw`], conv, { perm: ints(3, 2, 0, 1) })], [3, 3, 1, 4]),
  'Squeeze and Unsqueeze of an initializer': () => {
    const model = withMade('dense.bias', [
      node('Unsqueeze', ['dense.bias.raw', 'first'], 'row'),
      node('Squeeze', ['row', 'first'], 'dense.bias'),
    ]);
    model.initializers.push(list('first', 0));
    return model;
  },
  'a Flatten of an initializer': () =>
    withMade(
      'dense.weight',
      [node('Flatten', ['dense.weight.raw'], 'dense.weight', { axis: int(1) })],
      [4, 3, 1],
    ),
  'the shape that PyTorch computes for x.view(x.size(0), -1)': () => {
    const model = withFlatten([
      node('Shape', ['pool'], 'sizes'),
      node('Constant', [], 'zero', { value_int: int(0) }),
      node('Gather', ['sizes', 'zero'], 'batch_size'),
      node('Unsqueeze', ['batch_size', 'first'], 'batch_list'),
      node('Constant', [], 'rest', { value_ints: ints(-1) }),
      node('Concat', ['batch_list', 'rest'], 'shape', { axis: int(0) }),
      node('Reshape', ['pool', 'shape'], ''),
    ]);
    model.initializers.push(list('first', 0));
    return model;
  },
  'a Squeeze of what is computed': () => {
    const model = withFlatten([node('Squeeze', ['pool', 'axes'], '')]);
    model.initializers.push(list('axes', 2, 3));
    return model;
  },
  'an Unsqueeze, a Cast and a Squeeze of what is computed': () => {
    const model = withFlatten([
      node('Squeeze', ['pool', 'axes'], 'flat'),
      node('Unsqueeze', ['flat', 'axes'], 'image4'),
      node('Cast', ['image4'], 'cast', { to: int(1) }),
      node('Flatten', ['cast'], ''),
    ]);
    model.initializers.push(list('axes', 2, 3));
    return model;
  },
  'a Reshape that names the one batch size of the model': () => {
    const model = withFlatten([node('Reshape', ['pool', 'shape'], '')]);
    model.inputs[0]!.shape![0] = 1;
    model.outputs[0]!.shape![0] = 1;
    model.initializers.push(list('shape', 1, -1));
    return model;
  },
  'an output without a shape': () => {
    const model = tinyModel(4, 1);
    delete model.outputs[0]!.shape;
    return model;
  },
};

describe('the sparse engine runs as onnxruntime does', () => {
  it.each(Object.keys(cases))('%s', async (name) => {
    await expectSame(cases[name]!());
  });
});

describe('a model that the sparse engine cannot run', () => {
  const message = (model: OnnxModel) => {
    try {
      readGraph(decodeModel(encodeModel(model)));
    } catch (error) {
      return (error as Error).message;
    }
    return 'it runs';
  };

  it('is refused with node, operator, reason and cure, not as "no ONNX file"', () => {
    const own = tinyModel(4, 1);
    own.nodes[1] = { ...own.nodes[1]!, opType: 'Erf' };
    expect(message(own)).toMatch(/node "relu" \(Erf\).*operator must be one of .*use the engine "ort"/);
    const shapeless = tinyModel(4, 1);
    delete shapeless.inputs[0]!.shape;
    expect(message(shapeless)).toMatch(/its input must have a shape: it has none.*use the engine "ort"/);
    const mixed = withFlatten([
      node('Shape', ['pool'], 'shape'),
      node('Gather', ['shape', 'order'], 'turned'),
      node('Reshape', ['pool', 'turned'], ''),
    ]);
    mixed.initializers.push(list('order', 1, 0));
    expect(message(mixed)).toMatch(/\(Reshape\).*must keep the batch/);
  });
});
