import {
  type Activation,
  type AddNode,
  type ConcatNode,
  type ConvNode,
  type DenseNode,
  type Graph,
  type GraphNode,
  inputsOf,
  type MeanNode,
  type PadNode,
  type PoolNode,
  type ReshapeNode,
  type SoftmaxNode,
  type TransposeNode,
  type Value,
} from '../graph/graph.ts';

/** `activation(scale[c] * (product or input) + bias[c] + other)`: what is fused into one pass over the output. */
type Finish = {
  scale: Float32Array;
  bias: Float32Array;
  other: Value | undefined;
  activation: Activation | undefined;
};

type Product<Node extends ConvNode | DenseNode> = Omit<Node, 'bias'> & Finish;

export type MapStep = { kind: 'map'; name: string; input: Value; output: Value } & Finish;

export type FusedStep =
  | Product<ConvNode>
  | Product<DenseNode>
  | MapStep
  | PoolNode
  | MeanNode
  | ConcatNode
  | PadNode
  | SoftmaxNode
  | TransposeNode
  | ReshapeNode;

export type FusedGraph = { input: Value; output: Value; steps: FusedStep[] };

/**
 * Folds norms and constants into a scale and bias behind the product before them, and takes sums and activations into the same pass.
 * Weights keep their bits, so that levels can share them.
 */
export function fuse(graph: Graph): FusedGraph {
  const reads = countReads(graph);
  const renamed = new Map<string, Value>();
  const resolve = (value: Value) => renamed.get(value.name) ?? value;
  const steps: FusedStep[] = [];

  /** The step that computes a value which nobody else reads, where more can be done in its pass. */
  const openStep = (value: Value) => {
    const step = steps.find(({ output }) => output.name === value.name);
    if (step === undefined || !('scale' in step) || step.activation || reads.get(value.name) !== 1)
      return undefined;
    return step;
  };
  const identity = (channels: number) => ({
    scale: new Float32Array(channels).fill(1),
    bias: new Float32Array(channels),
    other: undefined,
    activation: undefined,
  });

  for (const node of graph.nodes) {
    const { name, output } = node;
    const channels = output.shape[0];
    switch (node.kind) {
      case 'conv':
      case 'dense': {
        const { bias, ...product } = node;
        const { bias: none, ...rest } = identity(channels);
        steps.push({ ...product, ...rest, bias: bias ?? none, input: resolve(node.input) } as FusedStep);
        break;
      }
      case 'affine': {
        const input = resolve(node.input);
        const before = openStep(input);
        const { scale, bias } = node;
        if (before && before.other === undefined) {
          // In double precision, rounded once.
          before.bias = before.bias.map((value, c) => value * (scale[c] ?? 0) + (bias[c] ?? 0));
          before.scale = before.scale.map((value, c) => value * (scale[c] ?? 0));
          before.output = output;
        } else steps.push({ ...identity(channels), kind: 'map', name, input, output, scale, bias });
        break;
      }
      case 'activation': {
        const input = resolve(node.input);
        const before = openStep(input);
        const { activation } = node;
        if (before) Object.assign(before, { activation, output });
        else steps.push({ ...identity(channels), kind: 'map', name, input, output, activation });
        break;
      }
      case 'add':
        steps.push(addStep(node, resolve, openStep, steps) ?? sumOf(node, resolve, identity(channels)));
        break;
      case 'reshape':
        if (String(node.input.shape) === String(output.shape)) renamed.set(output.name, resolve(node.input));
        else steps.push({ ...node, input: resolve(node.input) });
        break;
      case 'concat':
        steps.push({ ...node, inputs: node.inputs.map(resolve) });
        break;
      default:
        steps.push({ ...node, input: resolve(node.input) });
    }
  }
  return { input: graph.input, output: resolve(graph.output), steps };
}

function sumOf(node: AddNode, resolve: (value: Value) => Value, finish: Finish): MapStep {
  const [input, other] = node.inputs.map(resolve) as [Value, Value];
  return { ...finish, kind: 'map', name: node.name, input, output: node.output, other };
}

/** The later of the two summands' steps, taken out of its place: it adds the other one in its own pass. */
function addStep(
  node: AddNode,
  resolve: (value: Value) => Value,
  openStep: (value: Value) => FusedStep | undefined,
  steps: FusedStep[],
): FusedStep | undefined {
  const [a, b] = node.inputs.map(resolve) as [Value, Value];
  const candidates = [
    { step: openStep(a), other: b },
    { step: openStep(b), other: a },
  ].filter(({ step }) => step && 'other' in step && step.other === undefined && step.kind !== 'map');
  const latest = candidates.toSorted(
    (p, q) => steps.indexOf(q.step as FusedStep) - steps.indexOf(p.step as FusedStep),
  )[0];
  if (latest?.step === undefined) return undefined;
  steps.splice(steps.indexOf(latest.step), 1);
  return Object.assign(latest.step, { other: latest.other, output: node.output });
}

/** How often each value is read, under the name that it has after identities. */
function countReads(graph: Graph): Map<string, number> {
  const reads = new Map<string, number>();
  const origin = new Map<string, string>();
  const read = ({ name }: Value) => {
    const from = origin.get(name) ?? name;
    reads.set(from, (reads.get(from) ?? 0) + 1);
  };
  for (const node of graph.nodes) {
    if (isIdentity(node)) {
      const [input] = inputsOf(node) as [Value];
      origin.set(node.output.name, origin.get(input.name) ?? input.name);
    } else for (const value of inputsOf(node)) read(value);
  }
  read(graph.output);
  return reads;
}

function isIdentity(node: GraphNode): boolean {
  return node.kind === 'reshape' && String(node.input.shape) === String(node.output.shape);
}
