import { type Graph, sizeOf, type Value } from '../graph/graph.ts';
import { type FusedGraph, fuse } from './fuse.ts';
import type { ImageWriter } from './image.ts';
import { layoutsOf } from './layouts.ts';
import { type FlatConv, type FlatDense, type FlatGraph, type FlatStep, lower } from './lower.ts';
import { placesOf } from './places.ts';
import { type PlannedProduct, planConv, planDense, planFinish } from './plan-products.ts';
import { planSplit } from './plan-split.ts';
import type { ChooseForm, Product } from './product-forms.ts';
import {
  type At,
  activationFields,
  added,
  copy,
  copyIn,
  copyOut,
  copyPlanes,
  flattened,
  read,
  unflattened,
  written,
} from './step-fields.ts';
import { kinds, type StepFields, stepWords } from './step-words.ts';

/** Where a program stands in its image: what the kernels need to run it. */
export type Program = {
  /** Word of the first step. */
  steps: number;
  count: number;
  inputSize: number;
  outputSize: number;
};

/**
 * Plans one program for levels whose nets differ in numbers alone, and writes it into `image`.
 * @param graphs densest level first.
 * @param choose asked for each product's form, in the order of steps.
 */
export function planProgram(
  graphs: Graph[],
  image: ImageWriter,
  choose: ChooseForm,
): { program: Program; products: Omit<Product, 'program'>[] } {
  const levels = graphs.map((graph) => lower(fuse(graph)));
  const [first] = levels as [FlatGraph];
  const layouts = layoutsOf(first);
  const { places, words } = placesOf(first, layouts);
  const base = image.reserve(words);
  const at = (value: Value): At => {
    const layout = layouts.get(value.name);
    const place = places.get(value.name);
    if (layout === undefined || place === undefined)
      throw new Error(`Cannot plan as "${value.name}" has no place`);
    return { ...layout, place: base + place, channels: value.shape[0] };
  };
  const steps: Partial<StepFields>[] = [copyIn(first.input, at(first.input))];
  const products: Omit<Product, 'program'>[] = [];
  first.steps.forEach((step, index) => {
    const sameOfLevels = levels.map((level) => level.steps[index] as FlatStep);
    if (step.kind !== 'conv' && step.kind !== 'dense') {
      steps.push(...planStep(step, sameOfLevels, at, image));
      return;
    }
    const { fields, product } = planProduct(sameOfLevels, at, image, choose);
    products.push({ ...product, step: steps.length });
    steps.push(fields);
  });
  steps.push(copyOut(first.output, at(first.output)));
  const all = new Int32Array(steps.flatMap((fields) => Array.from(stepWords(fields))));
  const program = {
    steps: image.add(all),
    count: steps.length,
    inputSize: sizeOf(first.input),
    outputSize: sizeOf(first.output),
  };
  return { program, products };
}

function planProduct(
  levels: FlatStep[],
  at: (value: Value) => At,
  image: ImageWriter,
  choose: ChooseForm,
): PlannedProduct {
  return levels[0]?.kind === 'conv'
    ? planConv(levels as FlatConv[], at, image, choose)
    : planDense(levels as FlatDense[], at, image, choose);
}

function planStep(
  step: Exclude<FlatStep, FlatConv | FlatDense>,
  levels: FlatStep[],
  at: (value: Value) => At,
  image: ImageWriter,
): Partial<StepFields>[] {
  switch (step.kind) {
    case 'map': {
      const input = at(step.input);
      const table = planFinish(levels as Extract<FlatStep, { kind: 'map' }>[], image);
      const tables = new Int32Array(table.flatMap(({ scale, bias }) => [scale, bias]));
      return [
        {
          kind: kinds.map,
          ...read(input),
          ...written(at(step.output)),
          ...added(step.other && at(step.other)),
          ...activationFields(step.activation),
          table: image.add(tables),
          tableWords: 2,
        },
      ];
    }
    case 'split':
      return planSplit(step, at(step.input), at(step.output));
    case 'pool': {
      const { window, countPads } = step;
      return [
        {
          kind: step.mode === 'max' ? kinds.maxPool : kinds.averagePool,
          ...read(at(step.input)),
          ...written(at(step.output)),
          kernelRows: window.kernel[0],
          kernelColumns: window.kernel[1],
          strideRows: window.stride[0],
          strideColumns: window.stride[1],
          dilationRows: window.dilation[0],
          dilationColumns: window.dilation[1],
          padTop: window.pads.top,
          padLeft: window.pads.left,
          padBottom: window.pads.bottom,
          padRight: window.pads.right,
          countPads: Number(countPads),
        },
      ];
    }
    case 'mean':
      return [{ kind: kinds.mean, ...read(at(step.input)), ...written(at(step.output)) }];
    case 'softmax':
      return [{ kind: kinds.softmax, ...read(at(step.input)), ...written(at(step.output)) }];
    case 'concat': {
      const output = at(step.output);
      let done = 0;
      return step.inputs.map((value) => {
        const input = at(value);
        const to = { ...output, place: output.place + done * output.plane };
        done += input.channels;
        return copyPlanes(input, to);
      });
    }
    case 'pad': {
      const input = at(step.input);
      const output = at(step.output);
      const value = image.add(new Float32Array([step.value]));
      const inner = output.place + step.pads.top * output.row + step.pads.left;
      return [
        { ...copy, input: value, ...written(output) },
        { ...copyPlanes(input, { ...output, place: inner }), rows: input.rows, columns: input.columns },
      ];
    }
    case 'transpose': {
      const input = at(step.input);
      const strides = [input.plane, input.row, 1];
      const [plane = 0, row = 0, column = 0] = step.order.map((axis) => strides[axis] ?? 0);
      const from = { input: input.place, inputPlane: plane, inputRow: row, inputColumn: column };
      return [{ ...copy, ...from, ...written(at(step.output)) }];
    }
    case 'reshape': {
      const input = at(step.input);
      const output = at(step.output);
      if (step.output.shape.length === 1) return [flattened(input, output.place)];
      if (step.input.shape.length === 1) return [unflattened(input.place, output)];
      const between = image.reserve(sizeOf(step.input));
      return [flattened(input, between), unflattened(between, output)];
    }
  }
}

/** What must be equal for levels to share a program: everything but numbers. */
export function structureOf(graph: Graph): string {
  const fused: FusedGraph = fuse(graph);
  return JSON.stringify(fused, (_, value: unknown) => (value instanceof Float32Array ? value.length : value));
}
