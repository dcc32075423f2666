import type { OnnxModel } from '../../../bundle/onnx/model.ts';
import { readGraph } from '../../../engine/sparse/graph/read-graph.ts';

/** Multiply-accumulates on nonzero weights for one input. */
export function countMacs(model: OnnxModel): number {
  return readGraph(model).nodes.reduce((sum, node) => {
    if (node.kind !== 'conv' && node.kind !== 'dense') return sum;
    const [, height = 1, width = 1] = node.output.shape;
    return sum + node.weights.reduce((count, weight) => count + Number(weight !== 0), 0) * height * width;
  }, 0);
}
