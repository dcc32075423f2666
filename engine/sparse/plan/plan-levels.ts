import type { OnnxModel } from '../../../bundle/onnx/model.ts';
import { readGraph } from '../graph/read-graph.ts';
import { ImageWriter } from './image.ts';
import { type Program, planProgram, structureOf } from './plan.ts';
import { createChooser, type Product } from './product-forms.ts';

/** All that the kernels need to run the levels of a bundle. */
export type Plan = {
  image: Int32Array<ArrayBuffer>;
  programs: Program[];
  /** By level: which program runs it, and which of the program's levels it is. */
  levels: { program: number; level: number }[];
  products: Product[];
};

/**
 * Plans a bundle's levels. Those whose nets differ in numbers alone share one program: its weights, memory and steps.
 * @param models densest first.
 * @param forms of the products, as measured by `tuneForms`; by default what is usual.
 * @throws UnsupportedModelError where the sparse engine cannot run one of them.
 */
export function planLevels(models: OnnxModel[], forms: readonly number[] = []): Plan {
  const graphs = models.map(readGraph);
  const structures = graphs.map(structureOf);
  const distinct = [...new Set(structures)];
  const image = new ImageWriter();
  const choose = createChooser(forms);
  const planned = distinct.map((structure) =>
    planProgram(
      graphs.filter((_, level) => structures[level] === structure),
      image,
      choose,
    ),
  );
  const levels = structures.map((structure, index) => ({
    program: distinct.indexOf(structure),
    level: structures.slice(0, index).filter((other) => other === structure).length,
  }));
  return {
    image: image.finish(),
    programs: planned.map(({ program }) => program),
    levels,
    products: planned.flatMap(({ products }, program) =>
      products.map((product) => ({ ...product, program })),
    ),
  };
}
