import type { OnnxModel } from '../../../bundle/onnx/model.ts';
import { readGraph } from '../graph/read-graph.ts';
import { ImageWriter } from './image.ts';
import { type Program, planProgram, structureOf } from './plan.ts';

/** All that the kernels need to run the levels of a bundle. */
export type Plan = {
  image: Int32Array<ArrayBuffer>;
  programs: Program[];
  /** By level: which program runs it, and which of the program's levels it is. */
  levels: { program: number; level: number }[];
};

/**
 * Plans a bundle's levels. Those whose nets differ in numbers alone share one program: its weights, memory and steps.
 * @param models densest first.
 * @throws UnsupportedModelError where the sparse engine cannot run one of them.
 */
export function planLevels(models: OnnxModel[]): Plan {
  const graphs = models.map(readGraph);
  const structures = graphs.map(structureOf);
  const distinct = [...new Set(structures)];
  const image = new ImageWriter();
  const programs = distinct.map((structure) =>
    planProgram(
      graphs.filter((_, level) => structures[level] === structure),
      image,
    ),
  );
  const levels = structures.map((structure, index) => ({
    program: distinct.indexOf(structure),
    level: structures.slice(0, index).filter((other) => other === structure).length,
  }));
  return { image: image.finish(), programs, levels };
}
